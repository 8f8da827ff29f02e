"""Where the shipped configs are: in a clone, and in an installed package."""

import mmseg_mammo
from mmseg_mammo.engine.config.shipped import configs_folder


def test_a_clone_has_its_own():
    assert (configs_folder() / 'setr_pup_vpt_cbis.py').is_file()


def test_an_installed_package_brings_a_copy(tmp_path, monkeypatch):
    package = tmp_path / 'site-packages' / 'mmseg_mammo'
    monkeypatch.setattr(mmseg_mammo, '__file__', str(package / '__init__.py'))
    assert configs_folder() == package / '.mim' / 'configs'
