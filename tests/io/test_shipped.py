"""Shipped configs: found by name, inherited from anywhere, and named anew where they moved."""

import argparse
from pathlib import Path

import pytest
from mmengine.config import Config

import mmseg_mammo
from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.load import load_config, read_config, shipped_bases
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io import shipped
from mmseg_mammo.io.shipped import (
    MOVED,
    PREFIX,
    configs_folder,
    find_config,
    shipped_configs,
    shipped_name,
)

CLONE = Path(mmseg_mammo.__file__).parents[1] / 'configs'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Any folder but the clone's."""
    monkeypatch.chdir(tmp_path)


def heir_of(base, path='heir.py'):
    Path(path).write_text(f'_base_ = {base!r}\n')
    return Path(path)


def test_the_configs_lie_beside_the_package_or_inside_an_installed_one(tmp_path, monkeypatch):
    assert configs_folder() == CLONE
    package = tmp_path / 'site-packages' / 'mmseg_mammo'
    monkeypatch.setattr('mmseg_mammo.io.shipped._PACKAGE', package)
    with pytest.raises(MammoError, match=r'\.mim/configs: the shipped configs are missing'):
        configs_folder()
    (tmp_path / 'site-packages' / 'configs').mkdir(parents=True)  # of some other package
    inside = package / '.mim' / 'configs'
    (inside / '_base_').mkdir(parents=True)
    (inside / '_base_' / 'runtime.py').touch()
    assert configs_folder() == inside


@pytest.mark.parametrize(
    'name',
    [
        *('sam_lora_cbis', 'sam_lora_cbis.py', 'tuning/sam_lora_cbis', 'tuning/sam_lora_cbis.py'),
        *(f'{PREFIX}sam_lora_cbis.py', f'{PREFIX}tuning/sam_lora_cbis.py'),
    ],
)
def test_a_shipped_config_is_found_by_its_name_wherever_it_lies(name):
    assert find_config(name) == CLONE / 'tuning' / 'sam_lora_cbis.py'
    assert shipped_name(name) == 'tuning/sam_lora_cbis'
    assert Config.fromfile(find_config(name)).model == read_config(name).model
    given = argparse.Namespace(config=name, work_dir=None, cfg_options=None, launcher='none')
    assert load_config(given).work_dir == 'work_dirs/sam_lora_cbis'


def test_every_shipped_config_has_a_name_of_its_own_and_the_flat_ones_come_first():
    found = shipped_configs()
    assert {find_config(name) for name in found} == set(found.values())
    assert not [name for name in found if '_base_' in name]
    flat = [name for name in found if '/' not in name]
    assert list(found)[: len(flat)] == flat
    assert find_config('unet_cbis') == CLONE / 'unet_cbis.py'  # and not that of demo/
    for name in found:
        if not name.startswith('demo/'):
            assert shipped_name(name.rpartition('/')[2]) == name


def test_a_file_of_the_current_folder_comes_before_a_shipped_config():
    own = heir_of(f'{PREFIX}unet_cbis.py', 'sam_lora_cbis.py')
    assert find_config('sam_lora_cbis.py') == own
    assert read_config('sam_lora_cbis.py').model.backbone.type == 'UNet'


def test_an_unknown_name_says_which_are_like_it():
    with pytest.raises(MammoError, match=r'^unet_cbsi: no such config\. Allowed: unet_cbis or '):
        find_config('unet_cbsi')
    with pytest.raises(MammoError, match=r'^configs/sam_lora_cbs\.py: .*Allowed: tuning/sam_lora'):
        find_config('configs/sam_lora_cbs.py')
    with pytest.raises(MammoError, match=r'^\./unet_cbis\.py: no such config\. Allowed: unet_cbis'):
        find_config('./unet_cbis.py')
    with pytest.raises(MammoError, match=r'a folder, not a config\. mammoseg config lists'):
        find_config('.')
    with pytest.raises(MammoError, match=r'unet_cbsi: no such config\. Allowed: unet_cbis or '):
        load_model('unet_cbsi', 'checkpoint.pth')


def test_a_name_of_several_configs_is_refused_with_all_of_them(tmp_path, monkeypatch):
    for place in ('_base_/runtime.py', 'a/one.py', 'b/one.py'):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    monkeypatch.setattr(shipped, 'configs_folder', lambda: tmp_path)
    with pytest.raises(MammoError, match=r'one: several shipped.*Allowed: a/one or b/one'):
        find_config('one')
    assert find_config('b/one') == tmp_path / 'b' / 'one.py'


@pytest.mark.parametrize('old', MOVED)
def test_a_former_path_ends_in_one_line_with_the_new_one(old):
    new, _, option = MOVED[old].partition(' ')
    assert not (CLONE / old).exists()
    assert (CLONE / new).is_file()
    said = r'no longer there.*--dataset zgt' if option else 'has moved'
    for before in ('configs/', '../configs/', '/opt/mmseg_mammo/configs/'):
        with pytest.raises(MammoError, match=said) as caught:
            read_config(f'{before}{old}')
        assert f'Allowed: {new}. Name that one' in str(caught.value)  # found from any folder
    for before in ('../configs/', '/opt/mmseg_mammo/configs/', './', f'{PREFIX}configs/'):
        with pytest.raises(MammoError, match=said) as caught:
            read_config(heir_of([f'{before}{old}']))
        assert str(caught.value).startswith(f'{Path("heir.py").resolve()}: _base_ ')
        assert f'Allowed: {PREFIX}{new}. Name that one' in str(caught.value)
        assert '\n' not in str(caught.value)
    read_config(heir_of([f'{PREFIX}{new}']))


@pytest.mark.parametrize('old', ['sam_lora_cbis.py', 'unet_strong_zgt.py'])
def test_in_a_clone_the_new_path_is_named_which_lies_there(old, tmp_path, monkeypatch):
    new = MOVED[old].partition(' ')[0]
    for before in (f'{CLONE}/', f'{CLONE}/tuning/../'):
        with pytest.raises(MammoError, match=f'Allowed: {before}{new}. Name that one'):
            read_config(f'{before}{old}')
    clone = tmp_path / 'clone'
    (clone / 'configs' / new).parent.mkdir(parents=True)
    (clone / 'configs' / new).touch()
    heir = heir_of(f'./{old}', clone / 'configs' / 'heir.py')
    with pytest.raises(MammoError, match=rf'Allowed: \./{new}. Name that one'):
        read_config(heir)  # relative to the heir, wherever the command runs
    monkeypatch.chdir(clone)
    with pytest.raises(MammoError, match=f'Allowed: configs/{new}. Name that one'):
        read_config(f'configs/{old}')


@pytest.mark.parametrize('old', [old for old in MOVED if MOVED[old].endswith('zgt')])
def test_a_deleted_config_is_not_found_by_its_bare_name_either(old):
    for name in (old, Path(old).stem, f'{PREFIX}{old}'):
        with pytest.raises(MammoError, match=r'no longer there.*_cbis\.py.*--dataset zgt'):
            read_config(name)


@pytest.mark.parametrize(
    'base', ['unet_cbis.py', 'sam_lora_cbis.py', 'tuning/sam_lora_cbis.py', '_base_/models/unet.py']
)
def test_a_config_anywhere_inherits_a_shipped_one(base):
    theirs = Config.fromfile(find_config(base) if '_base_' not in base else CLONE / base)
    for path in (heir_of(PREFIX + base), heir_of([PREFIX + base], 'list.py')):
        assert read_config(path).to_dict() == theirs.to_dict()
    Path('heir.json').write_text(f'{{"_base_": "{PREFIX}{base}", "log_level": "DEBUG"}}')
    assert read_config('heir.json').model == theirs.model
    # An heir of an heir.
    assert read_config(heir_of('./heir.py', 'grandchild.py')).model == theirs.model


def test_bases_that_nothing_is_known_of_are_left_to_the_host():
    for base, said in (('./gone.py', 'gone.py'), ('nopackage::a/b.py', 'nopackage')):
        with pytest.raises(MammoError, match=f'heir.py: not readable.*{said}'):
            read_config(heir_of(base))
    with pytest.raises(MammoError, match=r'_base_ .*unet_cbsi\.py.: no such.*Allowed: unet_cbis'):
        read_config(heir_of(f'{PREFIX}unet_cbsi.py'))


def test_the_host_has_its_own_function_back_also_after_an_error():
    theirs = Config.__dict__['_get_cfg_path']
    assert isinstance(theirs, staticmethod)  # of both stacks
    with pytest.raises(MammoError), shipped_bases():
        assert Config.__dict__['_get_cfg_path'] is not theirs
        Config.fromfile(heir_of(f'{PREFIX}unet_strong_zgt.py'))
    assert Config.__dict__['_get_cfg_path'] is theirs


def test_the_data_sets_of_a_test_are_the_shipped_ones_without_the_parts_of_one():
    given = argparse.Namespace(
        config='unet_cbis', work_dir=None, cfg_options=None, launcher='none', dataset='zgt'
    )
    assert load_config(given).test_dataloader == read_config('unet_zgt').test_dataloader
    given.dataset = 'side_224'
    with pytest.raises(MammoError, match=r'or one of cbis_ddsm, .*zgt, zgt_1024\.'):
        load_config(given)
