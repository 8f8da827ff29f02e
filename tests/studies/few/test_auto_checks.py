"""Checks of auto: nothing is made, or written over, before all fits."""

import pytest
from mmengine.config import Config

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.studies.few.auto import tune_auto
from mmseg_mammo.studies.few.auto_checks import home_of


def refused(said, start, prepared, work, names=('few/unet_bias', 'few/unet_full'), **more):
    configs = {name: Config.fromfile(find_config(name)) for name in names}
    given = {'minutes': 1, 'folds': 3, 'train': None, **more}
    with pytest.raises(MammoError, match=said):
        tune_auto(configs, start, prepared, work, **given)


@pytest.mark.parametrize('folds', [0, 1, -1])
def test_without_folds_there_is_nothing_to_choose_by(folds, start, prepared, tmp_path):
    said = f'--folds {folds}: few/auto chooses by folds.*name a config of few/ with --folds 0'
    refused(said, start, prepared, tmp_path / 'work', folds=folds)
    assert not (tmp_path / 'work').exists()


def test_what_does_not_fit_leaves_no_folder_behind(start, prepared, tmp_path):
    names = ('few/unet_full', 'few/setr_vpt')
    refused('the checkpoint is unet', start, prepared, tmp_path / 'work', names)
    refused('--minutes 0', start, prepared, tmp_path / 'work', minutes=0)
    assert not (tmp_path / 'work').exists()


@pytest.mark.parametrize('place', ['', 'unet_full'])
def test_no_checkpoint_is_overwritten(place, start, prepared, tmp_path):
    """Neither in the folder itself, nor in that of a tuning which is tried last."""
    home = tmp_path / place
    home.mkdir(exist_ok=True)
    (home / 'best.pth').write_bytes(start.read_bytes())
    before = sorted(tmp_path.rglob('*'))
    refused('best.pth would be overwritten', start, prepared, tmp_path)
    refused('tuned checkpoint would overwrite', home / 'best.pth', prepared, tmp_path)
    (home / 'last_checkpoint').write_text('best.pth')
    refused('begun without folds', start, prepared, tmp_path)
    (home / 'last_checkpoint').unlink()
    assert sorted(tmp_path.rglob('*')) == before


def test_each_tuning_has_a_folder(tmp_path):
    assert home_of(tmp_path, 'few/unet_full') == tmp_path / 'unet_full'
