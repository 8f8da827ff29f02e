"""A hospital's export as the data set that transfer is tested on."""

from pathlib import Path

import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_mammo.datasets import MammographyDataset, ZGTDataset
from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.table import read_table
from mmseg_mammo.phantoms.trees import write_hospital_tree
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.image import PixelOptions
from mmseg_mammo.preparation.hospital.prepare import Settings, prepare
from mmseg_mammo.preparation.hospital.table import read_hospital_table


@pytest.fixture(scope='module')
def trees(tmp_path_factory):
    """The raw export of a phantom of ZGT, 12 images, and what is prepared of it."""
    folder = tmp_path_factory.mktemp('zgt')
    raw = write_hospital_tree(folder / 'raw', patients=3, height=64)
    table = raw / 'annotations.csv'
    found = read_hospital_table(table, raw, {}, {'split': 'test'}, Gaps())
    settings = Settings(table, 'zgt', 'contour', PixelOptions(long_side=0))
    prepare(*found, folder / 'prepared', settings)
    return raw, folder / 'prepared'


def items(root, **options):
    """Items of the test set, as a config builds it."""
    init_default_scope('mmseg')
    config = dict(type='ZGTDataset', data_root=str(root), split='test', pipeline=[], test_mode=True)
    dataset = DATASETS.build({**config, **options})
    assert type(dataset) is ZGTDataset
    assert isinstance(dataset, MammographyDataset)
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def test_normal_images_count_and_those_that_nobody_read_do_not(trees):
    raw, root = trees
    rows = read_table(raw / 'annotations.csv', ())
    states = [row['annotated'] for row in rows]
    assert set(states) == {'lesion', 'normal', 'no'}
    found = items(root)
    assert len(found) == len(rows) - states.count('no')
    for item in found:
        assert bool(item['seg_map_path']) == (item['annotated'] == 'lesion')
    assert [item['annotated'] for item in found].count('normal') == states.count('normal')
    assert len(items(root, annotated_only=False)) == len(rows)


def test_items_name_their_hospital_and_their_image(trees):
    raw, root = trees
    rows = [row for row in read_table(raw / 'annotations.csv', ()) if row['annotated'] != 'no']
    columns = ('patient_id', 'laterality', 'view', 'finding', 'density')
    found = items(root)
    assert {tuple(item[name] for name in columns) for item in found} == {
        tuple(row[name] for name in columns) for row in rows
    }
    assert {item['source'] for item in found} == {'zgt'}
    assert all(Path(item['img_path']).is_file() for item in found)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_there_is_nothing_to_train_or_to_choose_on(split, trees):
    with pytest.raises(DataIndexError, match=f'no row of split {split}'):
        items(trees[1], split=split)
