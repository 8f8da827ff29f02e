"""``cache``, and the cache of ``train``."""

import pytest
from prepared_sets import write_prepared
from two_stages import write_stages

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.pixel_cache.place import temporary_folder

STEPS = "[dict(type='ReadMammogram'), dict(type='MapIntensity'), dict(type='PackMammogram')]"
CONFIG = f"""
data = dict(type='MammographyDataset', data_root={{root!r}}, pipeline={STEPS})
train_dataloader = dict(dataset=data)
model = dict()
"""


@pytest.fixture
def config(tmp_path):
    folder = write_prepared(tmp_path / 'set', 3)
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(root=str(folder)))
    return path


def test_it_fills_and_clears(config, tmp_path, capsys):
    main(['cache', str(config), '--workers', '1', '--cache-limit', '1GB'])
    out = capsys.readouterr().out
    assert 'train: 3 of 3 images are cached' in out
    assert str(tmp_path / 'set' / 'cache') in out
    assert '1 GB' in out

    main(['cache', '--clear', str(config)])
    assert 'removed' in capsys.readouterr().out
    assert not (tmp_path / 'set' / 'cache').exists()


@pytest.mark.parametrize('named', ['set', 'set/cache'])
def test_a_prepared_folder_is_cleared_without_a_config(config, tmp_path, capsys, named):
    main(['cache', str(config), '--workers', '1'])
    main(['cache', '--clear', str(tmp_path / named)])
    assert not (tmp_path / 'set' / 'cache').exists()
    main(['cache', '--clear', str(tmp_path / 'set')])
    assert 'no cache' in capsys.readouterr().out
    assert (tmp_path / 'set' / 'index.csv').is_file()


def test_a_prepared_folder_that_is_closed_is_cleared_too(config, tmp_path, capsys, monkeypatch):
    # Where the data are closed, the cache lies in the temporary folder: here it is put there.
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    place = temporary_folder(tmp_path / 'set' / 'index.csv')
    main(['cache', str(config), '--workers', '1', '--cache-dir', str(place)])
    assert place.is_dir()

    main(['cache', '--clear', str(tmp_path / 'set')])

    assert f'{place}: ' in capsys.readouterr().out
    assert not place.exists()


def test_nowhere_is_nothing_to_fill(config):
    with pytest.raises(SystemExit, match='nothing to fill'):
        main(['cache', str(config), '--cache-dir', 'none'])


def test_of_two_stages_both_are_filled(prepared, tmp_path, capsys):
    config = write_stages(tmp_path / 'configs', prepared)
    main(['cache', str(config), '--cache-dir', str(tmp_path / 'pixels'), '--workers', '1'])
    said = capsys.readouterr().out
    assert said.count('train: ') == 2
