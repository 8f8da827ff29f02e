import numpy as np
import pytest
from runs import make_rows, make_test, predict

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
