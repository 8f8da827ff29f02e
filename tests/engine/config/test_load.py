"""Configs of a command line: read, overridden, or refused in one line."""

from argparse import Namespace

import pytest

from mmseg_mammo.engine.config.load import first_line, load_config
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shipped import find_config


def arguments(config, **options):
    return Namespace(
        **{'config': str(config), 'cfg_options': None, 'work_dir': None, 'launcher': 'none'}
        | options
    )


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'setr.py'
    path.write_text("test_dataloader = dict(dataset=dict(type='A', data_root='a', pipeline=[1]))")
    return path


def test_the_work_folder_is_named_after_the_config_unless_given(config):
    assert load_config(arguments(config)).work_dir == 'work_dirs/setr'
    assert load_config(arguments(config, work_dir='w')).work_dir == 'w'


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('c.py', 'model = dict(', 'SyntaxError'),
        ('c.py', 'model = absent', 'NameError'),
        ('c.py', "_base_ = './absent.py'", 'FileNotFoundError'),
        ('c.py', "custom_imports = dict(imports=['absent'])", 'ImportError'),
        ('c.json', '{', 'JSONDecodeError'),
        ('c.json', '[1]', 'not readable'),
        ('c.yaml', 'a: [1', 'ParserError'),
        ('c.txt', 'a = 1', 'py/yml/yaml/json'),
    ],
)
def test_a_config_that_cannot_be_read_is_named(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(MammoError, match=rf'{name}: not readable.*{said}|{said}'):
        load_config(arguments(tmp_path / name))
    with pytest.raises(MammoError, match='a folder, not a config'):
        load_config(arguments(tmp_path))


def test_configs_of_other_kinds_are_read(tmp_path):
    (tmp_path / 'c.json').write_text('{"work_dir": "w"}')
    (tmp_path / 'c.yaml').write_text('work_dir: w')
    assert all(
        load_config(arguments(tmp_path / name)).work_dir == 'w' for name in ('c.json', 'c.yaml')
    )


def test_options_that_another_argument_would_undo_are_refused(config):
    with pytest.raises(MammoError, match=r'launcher: no effect\. Allowed: --launcher'):
        load_config(arguments(config, cfg_options={'launcher': 'pytorch'}))
    assert load_config(arguments(config, device='cpu')).device == 'cpu'
    (config.parent / 'm.py').write_text('a = 1')
    with pytest.raises(MammoError, match=r'--split: .*no test_dataloader'):
        load_config(arguments(config.parent / 'm.py', split='val'))


def test_options_override_the_config(config):
    cfg = load_config(arguments(config, cfg_options={'test_dataloader.dataset.data_root': 'b'}))
    assert cfg.test_dataloader.dataset.data_root == 'b'


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(MammoError, match=r'absent\.py: no such config'):
        load_config(arguments(tmp_path / 'absent.py'))


def test_another_dataset_keeps_the_pipeline_and_gives_way_to_options(config):
    (config.parent / 'zgt.py').write_text(
        "test_dataloader = dict(dataset=dict(type='Z', data_root='z', pipeline=[2]))"
    )
    options = {'test_dataloader.dataset.data_root': 'b'}
    given = arguments(config, dataset='zgt', split='val', cfg_options=options)
    cfg = load_config(given, config.parent)
    assert cfg.test_dataloader.dataset == {
        'type': 'Z',
        'data_root': 'b',
        'split': 'val',
        'test_mode': True,
        'pipeline': [1],
    }


def test_any_prepared_folder_is_a_dataset(config, prepared):
    cfg = load_config(arguments(config, dataset=str(prepared)))
    found = cfg.test_dataloader.dataset
    assert (found.type, found.data_root, found.split) == (
        'MammographyDataset',
        str(prepared),
        'test',
    )


def test_an_unknown_dataset_says_which_there_are(config):
    with pytest.raises(MammoError, match=r'--dataset inbreast: neither.*or one of setr'):
        load_config(arguments(config, dataset='inbreast'), config.parent)


@pytest.mark.parametrize('side', [0, -16, 500])
def test_a_side_that_the_models_cannot_halve_is_refused(side):
    with pytest.raises(MammoError, match=rf'--side {side}. Allowed: a multiple of 16'):
        load_config(arguments(find_config('unet_strong_cbis'), side=side))


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (ValueError('  one.\ntwo'), 'one'),
        (KeyError('unknown. Known: a, b'), 'unknown'),
        (ValueError('a.b is 1; c is 2'), 'a.b is 1;'),
        (ValueError(), ''),
        (ValueError('x' * 300), 'x' * 200),
    ],
)
def test_of_a_long_message_the_first_sentence_is_shown(error, said):
    assert first_line(error) == said
