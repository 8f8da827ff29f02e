"""CBIS-DDSM as a data set of the host, from a phantom of its download."""

import pytest
from cbis_samples import run
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_mammo.datasets import CBISDDSMDataset, MammographyDataset
from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.phantoms.cbis_cases import read_cases
from mmseg_mammo.phantoms.trees import write_cbis_tree


@pytest.fixture(scope='module')
def trees(tmp_path_factory):
    """A raw phantom and what is prepared of it."""
    folder = tmp_path_factory.mktemp('cbis')
    raw = write_cbis_tree(folder / 'raw', patients=4, height=96, seed=2)
    run(raw, folder / 'prepared', val_fraction=0.3)
    return raw, folder / 'prepared'


def items(root, split, **options):
    """Items of a split, as a config builds it."""
    init_default_scope('mmseg')
    config = dict(type='CBISDDSMDataset', data_root=str(root), split=split, pipeline=[])
    dataset = DATASETS.build({**config, **options})
    assert type(dataset) is CBISDDSMDataset
    assert isinstance(dataset, MammographyDataset)
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def test_the_official_test_set_is_the_test_split_and_val_comes_out_of_train(trees):
    raw, root = trees
    official = {'train': set(), 'test': set()}
    for case in read_cases(raw):
        official[case.subset.split('-')[1]].add(case.patient_id)
    found = {
        split: {item['patient_id'] for item in items(root, split)}
        for split in ('train', 'val', 'test')
    }
    assert found['test'] == official['test']
    assert found['train'] | found['val'] == official['train']
    assert found['val']
    assert not found['train'] & found['val']


def test_every_image_has_a_lesion_and_says_what_its_table_says(trees):
    raw, root = trees
    every = [item for split in ('train', 'val', 'test') for item in items(root, split)]
    assert {item['annotated'] for item in every} == {'lesion'}
    assert all(item['seg_map_path'] for item in every)
    told = {(c.patient_id, c.laterality, c.view, c.kind, str(c.density)) for c in read_cases(raw)}
    columns = ('patient_id', 'laterality', 'view', 'finding', 'density')
    assert {tuple(item[name] for name in columns) for item in every} == told
    with pytest.raises(DataIndexError, match=r'none of its .* rows passes'):
        items(root, 'train', finding='asymmetry')
