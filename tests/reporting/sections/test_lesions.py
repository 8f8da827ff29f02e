import csv
from dataclasses import replace

import numpy as np
import pytest
from monai.metrics import compute_froc_curve_data, compute_froc_score
from runs import make_rows, make_test, predict

from mmseg_mammo.evaluation.bootstrap import draws, seed_of
from mmseg_mammo.evaluation.froc import CRITERIA, OPERATING_POINTS, froc, sensitivities
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.io.table import write_table
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.scores import FEW
from mmseg_mammo.reporting.sections.images import image_section
from mmseg_mammo.reporting.sections.lesions import lesion_section
from mmseg_mammo.reporting.sections.transfer import transfer_section


def test_hits_and_false_positives_are_those_of_the_csv_and_criteria_are_kept_apart(tables, runs):
    seen = {}
    for row in tables['lesions_zgt']:
        images = next(t for t in runs.on('zgt') if t.model == row['model']).images
        normal = images['truth_pixels'] == 0
        column = {'IoU ≥ 0.1': 'iou10', 'centre': 'centre'}[row['criterion']]
        hits, false = images[f'hits_{column}'], images[f'false_positives_{column}']
        assert row['found %'] == pytest.approx(100 * hits.sum() / row['lesions'], abs=0.006)
        assert row['FP per image'] == pytest.approx(false.sum() / 24, abs=0.006)
        assert row['FP per normal image'] == pytest.approx(false[normal].mean(), abs=0.006)
        assert row['low'] <= row['found %'] <= row['high']
        assert row['FP normal low'] <= row['FP per normal image'] <= row['FP normal high']
        assert (row['images'], row['lesions'], row['normal images']) == (
            24,
            images['true_lesions'].sum(),
            11,
        )
        seen.setdefault(row['model'], []).append((row['found %'], row['FP per image']))
    # Of some model both differ, or they could be swapped unnoticed.
    apart = [np.not_equal(*pair) for pair in seen.values()]
    assert np.any(apart, axis=0).all()


def test_no_figure_says_nan_in_words(tmp_path):
    tested = predict(make_rows('zgt', 8, 1.0, 0), np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'zgt', tested)
    runs = find_runs([tmp_path])
    for section in (lesion_section(runs), transfer_section(runs), image_section(runs)):
        for item in section.items:
            assert 'nan' not in getattr(item, 'alt', '')
    assert 'unet, centre: no lesions' in lesion_section(runs).items[-1].alt


def test_distances_are_means_over_lesion_images_with_misses_at_the_diagonal(tables, runs):
    test = next(t for t in runs.on('zgt') if t.model == 'unet')
    row = next(row for row in tables['outlines_zgt'] if row['model'] == 'unet')
    lesion = test.images['truth_pixels'] > 0
    hit = test.images['intersection_pixels'][lesion] > 0
    by_hand = np.where(hit, 3.0, 64 * 2**0.5).mean()  # what the fixture writes
    assert row['Hausdorff 95, px'] == pytest.approx(by_hand, abs=0.006)
    assert row['surface Dice %'] == pytest.approx(50 * hit.mean(), abs=0.006)
    assert row['low'] < row['Hausdorff 95, px'] < row['high']
    assert row['surface low'] < row['surface Dice %'] < row['surface high']


def test_few_lesions_are_said_below_the_figure(tmp_path):
    tested = predict(make_rows('zgt', 8, 0.6, 0), np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'zgt', tested)
    section = lesion_section(find_runs([tmp_path]))
    assert f'{FEW.capitalize()}: lesion images of unet.' in section.items[-1].caption


def by_curve(rows):
    curves = {}
    for row in rows:
        curves.setdefault((row['model'], row['criterion']), {})[row['FP per image']] = row
    assert len(curves) == 3 * 2
    return curves.values()


def test_froc_ends_where_every_detection_counts(tables):
    for points in by_curve(tables['froc_zgt']):
        values = [row['sensitivity %'] for row in points.values()]
        assert list(points) == ['0.25', '0.5', '1', '2', '4', '8', 'mean of these', 'any']
        assert values[5] == values[7]
        assert values[:6] == sorted(values[:6])
        assert values[6] == pytest.approx(np.mean(values[:6]), abs=0.011)


def test_counts_stand_beside_the_sensitivities(tables):
    for row in tables['froc_zgt']:
        assert row['images'] == 24
        assert row['low'] <= row['sensitivity %'] <= row['high']
        same = [r['lesions'] for r in tables['lesions_zgt'] if r['model'] == row['model']]
        assert same == [row['lesions']] * 2


@pytest.mark.parametrize('criterion', CRITERIA)
def test_every_draw_has_the_sensitivities_of_monai_on_the_drawn_patients(runs, criterion):
    test = next(t for t in runs.on('zgt') if t.model == 'unet')
    # One, two or three images each, so that draws differ in their numbers of images.
    patients = np.array([f'P{number}' for number in np.repeat(range(12), [1, 2, 3] * 4)])
    test = replace(test, images=Records({**test.images.columns, 'patient_id': patients}))
    names, codes = np.unique(test.images.patients, return_inverse=True)
    owner = dict(zip(test.images['key'].tolist(), names[codes].tolist(), strict=True))
    rows, column = test.lesions, CRITERIA[criterion]
    score = {
        (key, number): score
        for kind, key, number, score in zip(
            *(rows[n] for n in ('kind', 'key', 'number', 'score')), strict=True
        )
        if kind == 'detection'
    }
    estimates = sensitivities(
        test.images, test.lesions, criterion, froc(test.images, test.lesions, criterion)
    )
    for index, counts in enumerate(draws(len(names), seed_of(names))[:20]):
        times = dict(zip(names.tolist(), counts.astype(int).tolist(), strict=True))
        hits, false = [], [0.0]
        for kind, key, number, match in zip(
            *(rows[n] for n in ('kind', 'key', 'number', column)), strict=True
        ):
            if kind == 'true':
                hits += times[owner[key]] * [0.0 if np.isnan(match) else score[key, match]]
            elif np.isnan(match):
                false += times[owner[key]] * [score[key, number]]
        shown = sum(times[patient] for patient in owner.values())
        curve = compute_froc_curve_data(np.array(false), np.array(hits), len(hits), shown)
        points = [*((point,) for point in OPERATING_POINTS), OPERATING_POINTS]
        by_monai = [compute_froc_score(*curve, eval_thresholds=each) for each in points]
        ours = [each.rounds[index] for each in estimates]
        assert ours == pytest.approx([100 * v for v in (*by_monai, curve[1].max())], abs=1e-9)


def outlines(section):
    table = next(item for item in section.items if item.name == 'outlines_zgt')
    return table.columns, table.rows


def test_millimetres_stand_beside_pixels_where_they_are_known(tmp_path):
    """Of two models one is of an earlier version; of the other every third image tells a size."""
    tested = predict(make_rows('zgt', 24, 0.25, 0), np.random.default_rng(0), 0.5)
    for model in ('old', 'new'):
        make_test(tmp_path / model / '20260102_000000', model, 'zgt', tested)
    assert 'Hausdorff 95, mm' not in outlines(lesion_section(find_runs([tmp_path])))[0]
    path = tmp_path / 'new' / '20260102_000000' / 'per_image_test.csv'
    with path.open(newline='') as stream:
        records = list(csv.DictReader(stream))
    known = []
    for number, one in enumerate(records):
        one['hausdorff95_mm'] = 0.1 * float(one['hausdorff95']) if number % 3 else float('nan')
        known += [one['hausdorff95_mm']] if number % 3 and int(one['truth_pixels']) else []
    write_table(path, list(records[0]), records)
    columns, rows = outlines(lesion_section(find_runs([tmp_path])))
    old, new = (
        dict(zip(columns, next(row for row in rows if row[0] == model), strict=True))
        for model in ('old', 'new')
    )
    assert new['images in mm'] == len(known) < new['lesion images']
    assert new['Hausdorff 95, mm'] == pytest.approx(np.mean(known), abs=0.006)
    assert new['mm low'] < new['Hausdorff 95, mm'] < new['mm high']
    assert (old['images in mm'], old['Hausdorff 95, mm']) == (0, None)
    for name in ('Hausdorff 95, px', '% high', 'surface Dice %', 'surface high', 'mark'):
        assert old[name] == new[name]
