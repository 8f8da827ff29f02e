"""``mammoseg config``: lists, writes an heir, writes everything, overwrites nothing."""

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_mammo.cli import config
from mmseg_mammo.engine.config.checks import check_config
from mmseg_mammo.engine.config.keys import check_keys
from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.io.shipped import shipped_configs


def call(*words):
    parser = argparse.ArgumentParser()
    config.add_arguments(parser)
    config.main(parser.parse_args([str(word) for word in words]))


@pytest.mark.slow
def test_what_the_host_says_while_it_is_imported_is_not_in_the_config(tmp_path):
    """``mammoseg config unet_cbis > mine.py`` in a fresh process."""
    script = Path(config.__file__).parents[2] / 'tools' / 'mammoseg'
    command = [sys.executable, str(script), 'config', 'unet_cbis']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == config.heir('unet_cbis')


def test_without_a_name_every_shipped_config_is_listed_with_its_first_line(capsys):
    call()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped_configs())
    assert lines[0].endswith(
        '  SAM-FT of the thesis (Tables I and II): ViT-L, 1024², no CLAHE, batch 1, lr 1e-4, all '
        'trained.'
    )
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


@pytest.mark.parametrize(
    ('name', 'splits'),
    [
        ('setr_pup_vpt_cbis', ('train', 'val', 'test')),
        ('sam_lora_cbis', ('train', 'val', 'test')),
        ('unet_zgt', ('test',)),
        ('sam_zeroshot_cbis', ('test',)),
    ],
)
def test_an_heir_differs_from_the_shipped_config_in_its_data_alone(name, splits, tmp_path, capsys):
    call(name, '--out', tmp_path / 'my_hospital.py')
    said = capsys.readouterr().out
    following = (
        'train .*my_hospital.py' if 'train' in splits else 'test .*my_hospital.py CHECKPOINT'
    )
    assert re.search(rf'my_hospital\.py is written\. Next: mammoseg {following}$', said.strip())
    ours, theirs = read_config(tmp_path / 'my_hospital.py'), read_config(name)
    check_keys(ours)
    check_config(ours)
    assert ours.pop('data') == dict(type='MammographyDataset', data_root='data/ours')
    for split in splits:
        dataset = ours[f'{split}_dataloader'].dataset
        assert (dataset.type, dataset.data_root) == ('MammographyDataset', 'data/ours')
        dataset.update({k: theirs[f'{split}_dataloader'].dataset[k] for k in ('type', 'data_root')})
    assert ours.to_dict() == theirs.to_dict()
    body = ast.parse((tmp_path / 'my_hospital.py').read_text()).body
    assert len(body) == 3 + len(splits)  # docstring, _base_, data, loaders


def test_the_folder_of_the_data_can_be_given(tmp_path):
    for more in ([], ['--flat']):
        path = tmp_path / f'c{len(more)}.py'
        call('unet_cbis', '--out', path, '--data-root', '/data/a "b"', *more)
        ours = read_config(path)
        for split in ('train', 'val', 'test'):
            dataset = ours[f'{split}_dataloader'].dataset
            assert (dataset.type, dataset.data_root) == ('MammographyDataset', '/data/a "b"')
            assert dataset.split == split


@pytest.mark.parametrize('name', ['setr_pup_bias_cbis', 'sam_decoder_cbis'])
def test_flat_is_every_setting_which_the_host_reads_by_itself(name, tmp_path):
    call(name, '--flat', '--out', tmp_path / 'whole.py')
    assert '_base_' not in (tmp_path / 'whole.py').read_text()
    assert Config.fromfile(tmp_path / 'whole.py').to_dict() == read_config(name).to_dict()


def test_without_out_it_is_printed_and_a_config_of_ones_own_can_be_flattened(tmp_path, capsys):
    call('unet_cbis')
    text = capsys.readouterr().out
    assert text == config.heir('unet_cbis')
    (tmp_path / 'mine.py').write_text(text)
    call(tmp_path / 'mine.py', '--flat')
    (tmp_path / 'flat.py').write_text(capsys.readouterr().out)
    flat = Config.fromfile(tmp_path / 'flat.py')
    assert flat.to_dict() == read_config(tmp_path / 'mine.py').to_dict()


def test_nothing_is_overwritten_and_what_cannot_be_done_ends_in_one_line(tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text('mine = 1\n')
    for words, said in (
        (('unet_cbis', '--out', mine), r'mine\.py: is there already'),
        (('unet_cbis', '--out', mine, '--flat'), r'mine\.py: is there already'),
        (('unet_cbis', '--out', tmp_path / 'a.txt'), r'a\.txt\. Allowed: a file that ends in \.py'),
        (('unet_cbis', '--out', tmp_path / 'no' / 'a.py'), r'a\.py: not written \(No such file'),
        (('unet_cbsi',), r'unet_cbsi: no such config\. Allowed: unet_cbis'),
        (('sam_lora_zgt',), r'no longer there\. Allowed: tuning/sam_lora_cbis'),
        ((mine,), r'mine\.py: no such config'),
        (('--flat',), r'--flat: no config is named'),
        (('--data-root', 'x'), r'--data-root: no config is named'),
    ):
        with pytest.raises(SystemExit, match=f'^error: .*{said}'):
            call(*words)
    assert mine.read_text() == 'mine = 1\n'
    assert [*tmp_path.iterdir()] == [mine]
