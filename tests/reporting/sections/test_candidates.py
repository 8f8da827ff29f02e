import csv

import numpy as np
import pytest
from runs import make_rows, make_test, predict

from mmseg_mammo.reporting.runs import Runs, find_runs
from mmseg_mammo.reporting.scores import FEW
from mmseg_mammo.reporting.sections.candidates import candidate_section


def test_models_without_candidates_have_no_section(runs):
    plain = tuple(test for test in runs.tests if test.model == 'unet')
    assert candidate_section(Runs(plain, (), ())) is None


def test_heads_the_kept_mask_and_the_best_in_hindsight_are_those_of_the_csv(tables, runs):
    rows = tables['candidates_zgt']
    images = next(t for t in runs.on('zgt') if t.model == 'sam_finetune').images
    lesion = images['truth_pixels'] > 0
    found = {row['mask']: row for row in rows if row['images'] == 'lesion'}
    assert list(found) == ['candidate 0', 'candidate 1', 'candidate 2', 'kept', 'best in hindsight']
    for mask, column in (
        ('candidate 1', 'candidate_1_iou'),
        ('kept', 'iou'),
        ('best in hindsight', 'hindsight_iou'),
    ):
        assert found[mask]['IoU %'] == pytest.approx(100 * images[column][lesion].mean(), abs=0.006)
    assert sum(found[f'candidate {k}']['kept in %'] for k in range(3)) == pytest.approx(
        100, abs=0.02
    )
    error = (images['candidate_1_predicted_iou'] - images['candidate_1_iou'])[lesion]
    (row,) = (
        row
        for row in tables['predicted_iou_zgt']
        if (row['images'], row['mask']) == ('lesion', 'candidate 1')
    )
    assert row['bias'] == pytest.approx(100 * error.mean(), abs=0.006)
    assert row['error'] == pytest.approx(100 * abs(error).mean(), abs=0.006)
    assert row['error low'] < row['error'] < row['error high']
    assert row['of one object'] == lesion.sum()


def test_images_of_several_objects_and_strata_without_images_do_not_count(tmp_path):
    tested = predict(make_rows('zgt', 12, 0.0, 0), np.random.default_rng(0), 0.5)
    folder = tmp_path / 'w' / '20260102_000000'
    make_test(folder, 'sam', 'zgt', tested, prompted=True)
    path = folder / 'per_image_test.csv'
    with path.open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    for row in rows[:9]:  # of several objects: their IoU together is not predicted
        row.update({f'candidate_{k}_predicted_iou': 'nan' for k in range(3)}, chosen='-1')
    with path.open('w', newline='') as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    masks, predicted = candidate_section(find_runs([tmp_path])).items
    assert {row[1:3] for row in masks.rows} == {('all', 12), ('lesion', 12)}
    assert {row[1:3] for row in predicted.rows} == {('all', 3), ('lesion', 3)}
    assert all(FEW in row[-1] for row in predicted.rows)
    assert not any(FEW in row[-1] for row in masks.rows)
