"""``train`` with folds: what has no effect, or is missing, is refused in one line."""

from dataclasses import replace

import pytest
from few_tunings import write_start
from fold_trainings import train, write_config

from mmseg_mammo.io.index import read_index, write_index


@pytest.fixture
def start(prepared, tmp_path):
    return write_start(tmp_path / 'start', 'unet_cbis', prepared)


@pytest.mark.parametrize(
    ('config', 'options', 'said'),
    [
        ('few/auto', [], '--from CHECKPOINT is missing'),
        ('few/auto', ['--from', 'START'], '--data FOLDER is missing'),
        (
            'few/auto',
            ['--from', 'START', '--data', 'DATA', '--new-head'],
            '--new-head with few/auto',
        ),
        (
            'few/auto',
            ['--from', 'START', '--data', 'DATA', '--launcher', 'pytorch'],
            '--launcher pytorch with few/auto',
        ),
        ('few/auto', ['--from', 'START', '--data', 'DATA', '--minutes', '0'], '--minutes 0'),
        (
            'few/unet_full',
            ['--from', 'START', '--data', 'DATA', '--folds', '3', '--minutes', '5'],
            '--minutes 5 with few/unet_full',
        ),
        (
            'few/auto',
            ['--from', 'START', '--data', 'DATA', '--folds', '0'],
            'name a config of few/',
        ),
        (
            'few/unet_full',
            ['--from', 'START', '--data', 'DATA', '--folds', '1'],
            '--folds 0 for one training without folds',
        ),
        ('tiny', ['--folds', '1'], '1 folds'),
        ('tiny', ['--folds', '4'], '4 folds of 3 patients'),
    ],
)
def test_it_is_refused(config, options, said, start, prepared, tmp_path, capsys):
    places = {'START': str(start), 'DATA': str(prepared)}
    given = [places.get(option, option) for option in options]
    named = write_config(tmp_path / 'configs', prepared) if config == 'tiny' else config
    with pytest.raises(SystemExit) as error:
        train(named, *given, '--work-dir', tmp_path / 'work')
    assert said in str(error.value)


def test_a_tuning_is_cross_validated_unless_it_is_told_not_to_be(start, prepared, tmp_path):
    """Which one patient does not allow."""
    data = tmp_path / 'data'
    data.mkdir()
    for name in ('images', 'masks'):
        (data / name).symlink_to((prepared / name).resolve())
    rows = read_index(prepared / 'index.csv')
    write_index(data / 'index.csv', [replace(row, patient_id='one', split='train') for row in rows])
    given = ('few/unet_full', '--from', start, '--data', data, '--work-dir', tmp_path / 'work')
    with pytest.raises(SystemExit, match=r'of one patient.*--folds 0'):
        train(*given)
