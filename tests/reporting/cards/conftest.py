"""A checkpoint beside its training and its tests."""

import json

import pytest
from records import save
from runs import make_runs


@pytest.fixture
def tested(tmp_path):
    """Two models, tested on two data sets each; only the second one's checkpoint is a file."""
    root = tmp_path / 'work_dirs'
    make_runs(root, images=12)
    checkpoint = save(root / 'setr_pup_vpt_cbis' / 'epoch_3.pth')
    for run in root.glob('setr*/*/run.json'):
        record = json.loads(run.read_text())
        if record['mode'] == 'test':
            run.write_text(json.dumps(record | {'checkpoint': str(checkpoint)}))
    return checkpoint
