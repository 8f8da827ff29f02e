"""Tables of records and the summary of a test."""

import csv
import json
import logging
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmseg_mammo.engine import PerImageCSVHook
from mmseg_mammo.io.run_folder import DIFFERENCES, LESION_COLUMNS

RECORDS = [{'image': 'a.png', 'dice': 0.5}, {'image': 'b, c.png', 'dice': ''}]
LESION = dict.fromkeys(LESION_COLUMNS, 1)


@pytest.fixture
def run(tmp_path):
    """A runner whose metric has made these records; a metric of another project is beside it."""

    def run(records=RECORDS, lesions=False):
        metric = SimpleNamespace(records=records, lesions=lesions, lesion_rows=[LESION])
        evaluator = SimpleNamespace(metrics=[object(), metric])
        data = SimpleNamespace(data_root='data/zgt', split='test', finding='mass', left_out=(50, 3))
        path = tmp_path / 'c.py'
        path.write_text(
            "load_from = 'epoch_3.pth'\ntest_evaluator = dict(lesions=True)\n"
            'model = dict(decode_head=dict(out_channels=1, threshold=0.4))'
        )
        return SimpleNamespace(
            val_evaluator=evaluator,
            test_evaluator=evaluator,
            log_dir=tmp_path / 'run',
            logger=logging.getLogger('test'),
            cfg=Config.fromfile(path),
            test_dataloader=SimpleNamespace(dataset=data),
            message_hub=SimpleNamespace(runtime_info={DIFFERENCES: ['side 32, not 64']}),
        )

    return run


def rows(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


def files(runner):
    return sorted(path.name for path in runner.log_dir.glob('*'))


def test_a_validation_leaves_its_last_records_and_no_summary(run):
    for records in ([{'image': 'old.png', 'dice': 0}] * 3, RECORDS):
        runner = run(records)
        PerImageCSVHook().after_val_epoch(runner, {})
    found = rows(runner.log_dir / 'per_image_val.csv')
    assert found == [{'image': 'a.png', 'dice': '0.5'}, {'image': 'b, c.png', 'dice': ''}]
    assert files(runner) == ['per_image_val.csv']


@pytest.mark.parametrize('lesions', [False, True])
def test_a_test_leaves_its_records_its_lesions_if_asked_for_and_its_summary(lesions, run):
    runner = run(lesions=lesions)
    PerImageCSVHook().after_test_epoch(runner, {'dice': 12.5, 'auroc': float('nan')})
    assert len(rows(runner.log_dir / 'per_image_test.csv')) == 2
    assert files(runner) == ['lesions_test.csv'] * lesions + ['per_image_test.csv', 'test.json']
    if lesions:
        (row,) = rows(runner.log_dir / 'lesions_test.csv')
        assert list(row) == list(LESION_COLUMNS)
    summary = json.loads((runner.log_dir / 'test.json').read_text(), parse_constant=pytest.fail)
    assert summary.pop('config') == runner.cfg.filename
    assert summary == {
        'checkpoint': 'epoch_3.pth',
        'data_root': 'data/zgt',
        'split': 'test',
        'finding': 'mass',
        'left_out': {'not_annotated': 50, 'other_finding': 3},
        'evaluator': {'lesions': True},
        'test_output': {
            'threshold': 0.4,
            'temperature': 1.0,
            'breast_only': False,
            'flips': False,
            'trained_threshold': 0.4,
        },
        'input_differs_from_training': ['side 32, not 64'],
        'scores': {'dice': 12.5, 'auroc': None},
    }


def test_another_process_has_no_records_and_writes_nothing(run, monkeypatch):
    monkeypatch.setattr('mmseg_mammo.engine.hooks.per_image_csv.is_main_process', lambda: False)
    runner = run(records=[])
    PerImageCSVHook().after_test_epoch(runner, {})
    assert files(runner) == []
