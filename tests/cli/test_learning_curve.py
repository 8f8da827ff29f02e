"""``learning-curve``: what cannot be is one line; a study as a user runs it, in jobs and on."""

import csv
from pathlib import Path

import pytest
from few_tunings import write_start
from learning_curves import write_hospital

from mmseg_mammo.cli.main import main

SMALL = (
    *('train_cfg.max_iters=2', 'param_scheduler=None'),
    *(f'{split}_dataloader.num_workers=0' for split in ('train', 'test')),
    *(f'{split}_dataloader.persistent_workers=False' for split in ('train', 'test')),
    'train_dataloader.batch_size=2',
)


@pytest.fixture(scope='module')
def words(tmp_path_factory):
    """A command line on a tiny hospital."""
    folder = tmp_path_factory.mktemp('curve')
    data = write_hospital(folder / 'data')
    start = write_start(folder / 'start', 'unet_cbis', data)
    words = ['learning-curve', 'few/unet_full', '--data', data, '--from', start, '--seeds', 1]
    return [*map(str, words), '--work-dir', str(folder / 'study')]


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        (['--seeds', '0'], '--seeds 0. Allowed: a number from 1 on'),
        (['--counts', 'few'], '--counts few. Allowed: numbers of images, and all'),
        (['--job', '3'], '--job 3. Allowed: 0/8 to 7/8'),
        (['--job', '2/2'], '--job 2/2. Allowed: 0/2 to 1/2'),
        (['--folds', '1'], '--folds 1. Allowed: 2 or more'),
        (['--test-folds', '-2'], '--test-folds -2. Allowed: 2 or more'),
        (['--data', 'nowhere'], '--data nowhere: no index.csv'),
        (['few/sam_decoder'], '.*few/unet_full'),
        (['few/auto'], 'few/auto: folds choose among its tunings'),
        (['few/auto', '--counts', '1', '--folds', '2'], 'few/auto: a count has one patient alone'),
        (['few/auto', '--minutes', '0'], '--minutes 0'),
        (['--minutes', '5'], '--minutes 5: no effect. Allowed: few/auto among the configs'),
        (['unet_cbis', '--folds', '2'], '--folds 2 with .*unet_cbis.py, which tunes no checkpoint'),
        (['--cache-limit', 'much'], '.*much'),
    ],
)
def test_what_cannot_be_studied_is_one_line(more, said, words):
    given = [words[0], *more, *words[1:]] if more[0][0] != '-' else [*words, *more]
    with pytest.raises(SystemExit, match=f'^error: {said}'):
        main(given)
    assert not Path(words[-1]).exists()  # what is refused leaves nothing behind


def test_jobs_and_a_last_call_make_the_curve(words, capsys):
    given = [*words, '--counts', '0', '4', '--work-dir', f'{words[-1]}_jobs']
    more = ['--cfg-options', *SMALL]
    main([*given, '--job', '0/2', *more])
    assert 'Once all jobs have ended: the same command without --job.' in capsys.readouterr().out
    main([*given, *more])
    said = capsys.readouterr().out
    assert '2 cells, 1 of them done before.' in said
    assert 'No forecast: 1 counts above 0; it takes 4' in said
    text = Path(given[-1], 'learning_curve.csv').read_text()
    assert [row['config'] for row in csv.DictReader(text.splitlines())] == ['start', 'unet_full']
