"""Phantoms: prepared by ours and by a plain script, and indexed as DICOM files."""

import pytest
from experiments import shrink

from mmseg_mammo.benchmark.phantom_data import (
    index_dicom,
    make_raw,
    measure_preparation,
    use_data,
)
from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.io.image import read_image
from mmseg_mammo.io.index import read_index


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('phantoms')
    make_raw(folder, 6, 96)
    return folder


def test_a_row_for_each_way(folder):
    ours, theirs = measure_preparation(folder, [1], long_side=64)
    assert ours['images'] == theirs['images'] >= 4
    for row in (ours, theirs):
        assert row['images_per_second'] == pytest.approx(row['images'] / row['seconds'])
        assert row['cpu_seconds'] > 0
    for kind in ('images', 'masks'):
        names = sorted(path.name for path in (folder / 'prepared' / kind).iterdir())
        assert names == sorted(path.name for path in (folder / 'plain' / kind).iterdir())


def test_dicom_files_are_a_data_set_with_the_same_pixels(folder):
    root = index_dicom(folder)
    rows = read_index(root / 'index.csv')
    assert all(row.image.endswith('.dcm') for row in rows)
    item = MammographyDataset(data_root=str(root), split='train', pipeline=[])[0]
    mask = read_image(item['seg_map_path'])
    assert (
        read_image(item['img_path']).shape
        == mask.shape
        == (
            item['original_height'],
            item['original_width'],
        )
    )


def test_all_loaders_of_a_config_read_there(tmp_path):
    cfg = shrink('unet_cbis', tmp_path, tmp_path)
    use_data(cfg, tmp_path / 'other')
    roots = {cfg[f'{split}_dataloader'].dataset.data_root for split in ('train', 'val', 'test')}
    assert roots == {str(tmp_path / 'other')}
