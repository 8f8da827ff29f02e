"""Phantoms in place of images, and the file of the results."""

import argparse

import pytest
from experiments import shrink

from mmseg_mammo.cli.benchmark_options import claim_out, data_folder, use_phantoms
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import read_index


def test_phantoms_are_made_prepared_and_gone_afterwards(tmp_path):
    cfg = shrink('unet_cbis', tmp_path, tmp_path)
    with data_folder(argparse.Namespace(phantoms=6, height=96)) as folder:
        use_phantoms(cfg, folder)
        root = folder / 'prepared'
        assert {cfg[f'{s}_dataloader'].dataset.data_root for s in ('train', 'val', 'test')} == {
            str(root)
        }
        assert {row.split for row in read_index(root / 'index.csv')} >= {'train', 'test'}
    assert not folder.exists()


def test_without_phantoms_the_data_must_be_there(prepared, tmp_path):
    with data_folder(argparse.Namespace(phantoms=None, height=96)) as folder:
        assert folder is None
        use_phantoms(shrink('unet_cbis', prepared, tmp_path), folder)
        with pytest.raises(MammoError, match=r'no index\.csv.*--phantoms 24'):
            use_phantoms(shrink('unet_cbis', tmp_path / 'absent', tmp_path), folder)


def test_grey_levels_to_match_are_those_of_the_data(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.pipeline.insert(2, dict(type='MatchHistogram'))
    use_phantoms(cfg, None)
    found = cfg.test_dataloader.dataset.pipeline[2]['reference']
    assert found == cfg.train_dataloader.dataset.pipeline[2]['reference']
    assert found[-1] > found[0]


def test_the_file_has_a_name_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert claim_out(argparse.Namespace(out=None)).name.startswith('benchmark-2')
