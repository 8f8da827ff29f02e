"""One quantity grows, the others stay."""

import copy

import pytest
from experiments import shrink

from mmseg_mammo.benchmark.scale import KINDS, measure_index, prompts_of, scale


@pytest.fixture
def config(prepared, tmp_path):
    return shrink('setr_pup_vpt_cbis', prepared, tmp_path)


@pytest.mark.parametrize(
    ('kind', 'values'), [('sides', (32, 64)), ('batch_sizes', (1, 2)), ('prompts', (0, 4))]
)
def test_operations_grow_with_what_is_varied(kind, values, config):
    before = copy.deepcopy(config.to_dict())
    low, high = scale(kind, values, config, images=1, warmup=1, steps=1)
    assert (low['over'], low['value'], high['value']) == (kind, *values)
    assert high['flops'] > low['flops']
    assert low['error'] is None
    assert config.to_dict() == before


def test_loading_with_workers(config):
    (row,) = scale('workers', [0], config, images=2, warmup=1, steps=1)
    assert row['seconds'] == pytest.approx(2 / row['images_per_second'])


def test_an_index_is_read_and_a_data_set_started():
    found = measure_index(40)
    assert found['images_per_second'] == pytest.approx(40 / found['seconds'])
    assert found['dataset_seconds'] > 0


def test_what_is_varied_has_a_label(config):
    assert KINDS.keys() == {'sides', 'batch_sizes', 'prompts', 'processes', 'workers', 'rows'}
    assert prompts_of(config) == 2
