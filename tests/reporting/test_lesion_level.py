from types import SimpleNamespace

import numpy as np
import pytest
from monai.metrics import compute_froc_score

from mmseg_mammo.reporting.lesion_level import OPERATING_POINTS, froc
from mmseg_mammo.reporting.reading import Records

NAN = np.nan


def lines_of(rows, images=4):
    """A test with the given lines of lesions_test.csv: kind, key, number, score, match."""
    kinds, keys, numbers, scores, matches = zip(*rows, strict=True)
    columns = {
        'kind': np.array(kinds),
        'key': np.array(keys),
        'number': np.array(numbers, float),
        'score': np.array(scores, float),
        'match': np.array(matches, float),
        'centre_match': np.array(matches, float),
    }
    images = Records({'truth_pixels': np.zeros(images)})
    return SimpleNamespace(lesions=Records(columns), images=images, folder='')


@pytest.fixture
def example():
    """Three lesions on four images: one hit at 0.9, one at 0.4, one missed; alarms 0.7, 0.2."""
    return lines_of(
        [
            ('true', 'a', 1, NAN, 1),
            ('detection', 'a', 1, 0.9, 1),
            ('detection', 'a', 2, 0.7, NAN),
            ('true', 'b', 1, NAN, 1),
            ('true', 'b', 2, NAN, NAN),
            ('detection', 'b', 1, 0.4, 1),
            ('detection', 'c', 1, 0.2, NAN),
        ]
    )


def test_froc_steps_through_the_scores_by_hand(example):
    rate, found = froc(example, 'IoU ≥ 0.1')
    # From the lowest threshold: all detections, then without 0.2, 0.4, 0.7, and none.
    assert list(rate) == [0.5, 0.25, 0.25, 0, 0]
    assert found == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3, 0])


def test_standard_operating_points_by_hand(example):
    curve = froc(example, 'centre')
    at = [100 * compute_froc_score(*curve, eval_thresholds=(p,)) for p in OPERATING_POINTS]
    assert at[1:] == pytest.approx([200 / 3] * 5)
    assert compute_froc_score(*curve) == pytest.approx(np.mean(at) / 100)


def test_the_lowest_detection_counts_also_if_every_lesion_is_found():
    rate, found = froc(
        lines_of([('true', 'a', 1, NAN, 1), ('detection', 'a', 1, 0.3, 1)]), 'centre'
    )
    assert found.max() == 1
    assert rate[found.argmax()] == 0


def test_a_model_that_detects_nothing_finds_nothing():
    rate, found = froc(lines_of([('true', 'a', 1, NAN, NAN)]), 'centre')
    assert (rate.max(), found.max()) == (0, 0)


def test_a_data_set_without_lesions_has_no_sensitivity():
    found = froc(lines_of([('detection', 'a', 1, 0.3, NAN)]), 'centre')[1]
    assert np.isnan(found).all()


def test_hits_and_false_positives_are_those_of_the_csv(tables, runs):
    for row in tables['lesions_zgt']:
        images = next(t for t in runs.on('zgt') if t.model == row['model']).images
        found = 100 * images['hits_iou10'].sum() / images['true_lesions'].sum()
        assert row['found %, IoU ≥ 0.1'] == pytest.approx(found, abs=0.006)
        false = images['false_positives_iou10'].sum() / 24
        assert row['false positives per image'] == pytest.approx(false, abs=0.006)


def test_distances_are_means_over_lesion_images_with_misses_at_the_diagonal(tables, runs):
    test = next(t for t in runs.on('zgt') if t.model == 'unet')
    row = next(row for row in tables['lesions_zgt'] if row['model'] == 'unet')
    lesion = test.images['truth_pixels'] > 0
    hit = test.images['intersection_pixels'][lesion] > 0
    by_hand = np.where(hit, 3.0, 64 * 2**0.5).mean()  # what the fixture writes
    assert row['Hausdorff 95, px'] == pytest.approx(by_hand, abs=0.006)
    assert row['surface Dice %'] == pytest.approx(50 * hit.mean(), abs=0.006)


def test_froc_ends_where_every_detection_counts(tables):
    for row in tables['froc_zgt']:
        assert row['at 8'] == row['highest']
        assert row['at 0.25'] <= row['at 0.5'] <= row['at 1'] <= row['at 8']
