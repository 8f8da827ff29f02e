from types import SimpleNamespace

import numpy as np
import pytest
from monai.metrics import compute_froc_score
from runs import make_rows, make_test, predict

from mmseg_mammo.reporting.image_level import image_section
from mmseg_mammo.reporting.lesion_level import OPERATING_POINTS, froc, lesion_section
from mmseg_mammo.reporting.reading import Records
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.transfer import transfer_section

NAN = np.nan


def lines_of(rows, images=4):
    """A test with lines of lesions_test.csv: kind, key, number, score, match and centre_match."""
    kinds, keys, numbers, scores, matches, centres = zip(*rows, strict=True)
    columns = {
        'kind': np.array(kinds),
        'key': np.array(keys),
        'number': np.array(numbers, float),
        'score': np.array(scores, float),
        'match': np.array(matches, float),
        'centre_match': np.array(centres, float),
    }
    images = Records({'truth_pixels': np.zeros(images)})
    return SimpleNamespace(lesions=Records(columns), images=images, folder='')


@pytest.fixture
def example():
    """Three lesions on four images, and detections of 0.9, 0.7, 0.4, and 0.2.

    By IoU one lesion is hit at 0.9 and one at 0.4; by centre one at 0.7 alone.
    """
    return lines_of(
        [
            ('true', 'a', 1, NAN, 1, 2),
            ('detection', 'a', 1, 0.9, 1, NAN),
            ('detection', 'a', 2, 0.7, NAN, 1),
            ('true', 'b', 1, NAN, 1, NAN),
            ('true', 'b', 2, NAN, NAN, NAN),
            ('detection', 'b', 1, 0.4, 1, NAN),
            ('detection', 'c', 1, 0.2, NAN, NAN),
        ]
    )


def test_froc_by_iou_steps_through_the_scores_by_hand(example):
    rate, found = froc(example, 'IoU ≥ 0.1')
    # From the lowest threshold: all detections, then without 0.2, 0.4, 0.7, and none.
    assert list(rate) == [0.5, 0.25, 0.25, 0, 0]
    assert found == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3, 0])


def test_froc_by_centre_steps_through_the_scores_by_hand(example):
    rate, found = froc(example, 'centre')
    # The same thresholds; the detections of 0.9, 0.4 and 0.2 are in vain.
    assert list(rate) == [0.75, 0.5, 0.25, 0.25, 0]
    assert found == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize(
    ('criterion', 'percent'),
    [('IoU ≥ 0.1', [200 / 3] * 6), ('centre', [100 / 3] * 6)],
)
def test_standard_operating_points_by_hand(example, criterion, percent):
    curve = froc(example, criterion)
    at = [100 * compute_froc_score(*curve, eval_thresholds=(p,)) for p in OPERATING_POINTS]
    assert at[1:] == pytest.approx(percent[1:])
    assert compute_froc_score(*curve) == pytest.approx(np.mean(at) / 100)


def test_the_lowest_detection_counts_also_if_every_lesion_is_found():
    rate, found = froc(
        lines_of([('true', 'a', 1, NAN, NAN, 1), ('detection', 'a', 1, 0.3, NAN, 1)]), 'centre'
    )
    assert found.max() == 1
    assert rate[found.argmax()] == 0


def test_a_model_that_detects_nothing_finds_nothing():
    rate, found = froc(lines_of([('true', 'a', 1, NAN, NAN, NAN)]), 'centre')
    assert (rate.max(), found.max()) == (0, 0)


def test_a_data_set_without_lesions_has_no_sensitivity():
    found = froc(lines_of([('detection', 'a', 1, 0.3, NAN, NAN)]), 'centre')[1]
    assert np.isnan(found).all()


def test_hits_and_false_positives_are_those_of_the_csv_and_criteria_are_kept_apart(tables, runs):
    apart = []
    for row in tables['lesions_zgt']:
        images = next(t for t in runs.on('zgt') if t.model == row['model']).images
        normal = images['truth_pixels'] == 0
        seen = []
        for name, column in (('IoU ≥ 0.1', 'iou10'), ('centre', 'centre')):
            hits, false = images[f'hits_{column}'], images[f'false_positives_{column}']
            found = 100 * hits.sum() / images['true_lesions'].sum()
            assert row[f'found %, {name}'] == pytest.approx(found, abs=0.006)
            per_image = row[f'FP per image, {name}']
            assert per_image == pytest.approx(false.sum() / 24, abs=0.006)
            per_normal = row[f'FP per normal image, {name}']
            assert per_normal == pytest.approx(false[normal].mean(), abs=0.006)
            seen.append((row[f'found %, {name}'], per_image))
        apart.append([one != other for one, other in zip(*seen, strict=True)])
        assert (row['images'], row['lesion images'], row['normal images']) == (24, 13, 11)
    # Of some model both differ, or they could be swapped unnoticed.
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
