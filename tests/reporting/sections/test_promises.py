"""Promises in a report, against the records themselves."""

import csv
import json

import numpy as np
import pytest
from runs import make_runs

from mmseg_mammo.evaluation.conformal.kept import measure
from mmseg_mammo.evaluation.conformal.promise import Promise
from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.sections.promises import promise_section

SAID = {'target': 'pixel-recall=0.8', 'confidence': None, 'images': 99, 'patients': 77}
SAID |= {'sources': ['cbis_ddsm'], 'split': 'val'}


def add_promise(folder, **changed):
    """Let a test be of a threshold with a promise; its losses are those of its pixels."""
    path = folder / 'per_image_test.csv'
    rows = list(csv.DictReader(path.open()))
    for row in rows:
        truth = float(row['truth_pixels'])
        row['promise_loss'] = 1 - float(row['intersection_pixels']) / truth if truth else ''
    with path.open('w', newline='') as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    record = json.loads((folder / 'run.json').read_text())
    record['test_output'] = {'threshold': 0.25, 'trained_threshold': 0.5, 'promise': SAID | changed}
    (folder / 'run.json').write_text(json.dumps(record))
    return rows


@pytest.fixture
def folder(tmp_path):
    make_runs(tmp_path / 'w', ['unet'], images=60)
    return tmp_path / 'w'


def tests_of(folder):
    return {
        json.loads(path.read_text())['data']['test']['data_root']: path.parent
        for path in sorted(folder.rglob('run.json'))
        if json.loads(path.read_text())['mode'] == 'test'
    }


def rows_of(section):
    (table,) = section.items
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_without_a_promise_there_is_no_section(folder):
    assert promise_section(find_runs([folder])) is None
    assert 'promises' not in {section.anchor for section in build(find_runs([folder]))[0]}


def test_promised_and_measured_at_home_and_elsewhere(folder):
    places = tests_of(folder)
    written = {place: add_promise(path) for place, path in places.items()}
    section = promise_section(find_runs([folder]))
    found = {row['data set']: row for row in rows_of(section)}
    assert {row['where'] for row in found.values()} == {'home', 'elsewhere'}
    for place, rows in written.items():
        row = next(each for name, each in found.items() if name.lower() in place)
        losses = np.array(
            [float('nan' if (v := each['promise_loss']) == '' else v) for each in rows]
        )
        patients = np.array([each['patient_id'] for each in rows])
        kept = measure(Promise.read('pixel-recall=0.8'), losses, patients)
        assert row['measured'] == pytest.approx(kept.value, abs=6e-4)
        assert row['missed by'] == pytest.approx(0.8 - kept.value, abs=6e-4)
        assert (row['promised'], row['verdict'], row['threshold']) == (0.8, kept.verdict, 0.25)
        assert (row['calibrated on'], row['its images']) == ('cbis_ddsm val', 99)
        lesion = [each for each in rows if float(each['truth_pixels'])]
        share = np.mean([float(r['predicted_pixels']) / 64**2 for r in rows])
        assert row['marked % of an image'] == pytest.approx(
            100 * share * 64**2 / (float(rows[0]['height']) * float(rows[0]['width'])), abs=0.006
        )
        assert row['images'] == len(lesion)
    assert any('share of the lesion pixels' in line for line in section.text)


def test_tests_of_one_model_with_other_promises_stand_side_by_side(folder):
    for number, path in enumerate(tests_of(folder).values()):
        add_promise(path, target=f'pixel-recall=0.{8 + number}', confidence=0.9 if number else None)
    models = set(find_runs([folder]).models)
    assert models == {
        'unet, pixel-recall=0.8 by cbis_ddsm val',
        'unet, pixel-recall=0.9 at 90 % by cbis_ddsm val',
    }
