"""Every registered data set is described under the same headings."""

import inspect
import re

import pytest
from mmseg.registry import DATASETS

HEADINGS = ['features', 'format', 'classes', 'splits', 'licence', 'citation']
OURS = [
    kind for kind in DATASETS.module_dict.values() if kind.__module__.startswith('mmseg_mammo.')
]


def test_there_are_data_sets_to_look_at():
    assert {kind.__name__ for kind in OURS} >= {
        'CBISDDSMDataset',
        'MammographyDataset',
        'ZGTDataset',
    }


@pytest.mark.parametrize('kind', OURS, ids=lambda kind: kind.__name__)
def test_a_data_set_is_described_under_all_headings_in_order(kind):
    text = inspect.cleandoc(vars(kind).get('__doc__') or '')  # its own, not that of its base
    found = re.findall(r'^Dataset (\w+):\n\n\* \S', text, re.MULTILINE)
    assert found == HEADINGS
