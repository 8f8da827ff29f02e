import numpy as np
import pytest
from monai.metrics import compute_froc_score

from mmseg_mammo.evaluation.froc import OPERATING_POINTS, froc, sensitivities
from mmseg_mammo.io.run_folder import Records

NAN = np.nan


def lines_of(rows, images=4):
    """Records of images and of lesions: kind, key, number, score, match and centre_match."""
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
    return images, Records(columns)


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
    rate, found = froc(*example, 'IoU ≥ 0.1')
    # From the lowest threshold: all detections, then without 0.2, 0.4, 0.7, and none.
    assert list(rate) == [0.5, 0.25, 0.25, 0, 0]
    assert found == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3, 0])


def test_froc_by_centre_steps_through_the_scores_by_hand(example):
    rate, found = froc(*example, 'centre')
    # The same thresholds; the detections of 0.9, 0.4 and 0.2 are in vain.
    assert list(rate) == [0.75, 0.5, 0.25, 0.25, 0]
    assert found == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize(
    ('criterion', 'percent'),
    [('IoU ≥ 0.1', [200 / 3] * 6), ('centre', [100 / 3] * 6)],
)
def test_standard_operating_points_by_hand(example, criterion, percent):
    curve = froc(*example, criterion)
    at = [100 * compute_froc_score(*curve, eval_thresholds=(p,)) for p in OPERATING_POINTS]
    assert at[1:] == pytest.approx(percent[1:])
    assert compute_froc_score(*curve) == pytest.approx(np.mean(at) / 100)


def test_the_lowest_detection_counts_also_if_every_lesion_is_found():
    rate, found = froc(
        *lines_of([('true', 'a', 1, NAN, NAN, 1), ('detection', 'a', 1, 0.3, NAN, 1)]), 'centre'
    )
    assert found.max() == 1
    assert rate[found.argmax()] == 0


def test_a_model_that_detects_nothing_finds_nothing():
    rate, found = froc(*lines_of([('true', 'a', 1, NAN, NAN, NAN)]), 'centre')
    assert (rate.max(), found.max()) == (0, 0)


def test_a_data_set_without_lesions_has_no_sensitivity():
    found = froc(*lines_of([('detection', 'a', 1, 0.3, NAN, NAN)]), 'centre')[1]
    assert np.isnan(found).all()


def test_no_interval_below_five_patients_with_lesions(example):
    images = Records(
        {
            'key': np.array(list('abcdefgh')),
            'source': np.full(8, 's'),
            'patient_id': np.array(list('pqrstuvw')),
        }
    )
    found = sensitivities(images, example[1], 'centre', froc(images, example[1], 'centre'))
    assert found[-1].value == pytest.approx(100 / 3)
    assert all(np.isnan((each.low, each.high)).all() for each in found)
