"""A threshold that meets a target, its intervals, and what is said of them."""

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_level.threshold import beside, choose, describe, effects


def images(count, lesions=0, each=1, seed=0):
    """Scores, kinds and patients of ``count`` images, ``each`` of them of one patient."""
    scores = np.random.default_rng(seed).random(count).astype(np.float32)
    lesion = np.arange(count) < lesions
    patients = np.array([f'a/{number // each}' for number in range(count)])
    return scores, lesion, patients


def test_a_specificity_leaves_as_many_normal_images_empty():
    scores, lesion, patients = images(140, lesions=40)
    found = choose(scores, lesion, patients, 'specificity', 0.9)
    assert (found.rank, found.images, found.patients) == (91, 100, 100)
    assert (scores[~lesion] > found.threshold).sum() == 9
    assert found.interval == pytest.approx((0.836, 0.951), abs=1e-3)
    assert found.of_patients is None
    low, high = found.thresholds
    assert low < found.threshold < high


def test_a_sensitivity_marks_as_many_images_with_a_lesion():
    scores, lesion, patients = images(140, lesions=100)
    found = choose(scores, lesion, patients, 'sensitivity', 0.9)
    assert (scores[lesion] > found.threshold).sum() == 91
    low, high = found.thresholds
    assert low < found.threshold < high
    assert all(end in scores for end in found.thresholds)


def test_two_images_of_each_patient_are_not_two_patients():
    found = choose(*images(100, each=2), 'specificity', 0.9)
    assert (found.images, found.patients) == (100, 50)
    low, high = found.of_patients
    assert low < 0.9 < high
    assert 'drawing patients' in '\n'.join(describe(found))
    assert found.as_facts()['low_over_patients'] == low


@pytest.mark.parametrize(
    ('kind', 'share', 'message'),
    [
        ('specificity', 0.9, r'specificity=0\.9 with 5 normal images\. Allowed: 9 or more of them'),
        ('sensitivity', 0.95, r'0 images with a lesion\. Allowed: 19 or more'),
    ],
)
def test_too_few_images_are_refused(kind, share, message):
    with pytest.raises(MammoError, match=message):
        choose(*images(5), kind, share)


def test_scores_of_nothing_and_of_certainty():
    scores, lesion, patients = images(40, lesions=20)
    scores[lesion] = 0
    with pytest.raises(MammoError, match='no probability to more images'):
        choose(scores, lesion, patients, 'sensitivity', 0.5)
    scores[~lesion] = 1
    assert choose(scores, lesion, patients, 'specificity', 0.9).threshold == 1


@pytest.mark.parametrize('score', [0, 1e-12, 1e-7, 0.002, 0.5, 0.999, 1 - 5e-7, 1 - 6e-8, 1])
def test_a_threshold_lies_just_beside_its_score(score):
    score = float(np.float32(score))
    above, below = (np.float32(beside(score, sign)) for sign in (1.0, -1.0))
    assert not score > above
    assert score > below or score == 0
    assert max(above - score, score - below) <= 1.03e-6
    if 0 < score < 1:
        assert 0 < above < 1
        # Another image, of a logit that is 1 higher, is marked.
        other = 1 / (1 + np.exp(-1) * (1 - score) / score)
        assert np.float32(other) > above or other > 1 - 1e-7


def test_a_model_that_is_too_sure_still_marks_what_it_is_surer_of():
    scores = (1 - np.arange(1, 41) * 2.0**-22).astype(np.float32)
    found = choose(scores, *images(40)[1:], 'specificity', 0.9)
    assert (scores > found.threshold).sum() == 3


def test_the_table_says_what_other_numbers_would_give():
    lines = list(describe(choose(*images(30), 'specificity', 0.95)))
    assert any(line.split() == ['20', '83.2', 'to', '99.9', '%'] for line in lines)
    assert any(line.startswith('   200  ') for line in lines)
    few = list(describe(choose(*images(120), 'specificity', 0.99)))
    assert '    20  too few: 99 are needed' in few


def test_effects_count_both_kinds_and_leave_out_a_missing_one():
    scores, lesion = np.array([0.9, 0.2, 0.6]), np.array([True, True, False])
    (line,) = effects(lesion, {'now': (scores, 0.5)})
    assert line == (
        'now, cut at 0.5: 1 of 2 images with a lesion marked; 0 of 1 normal images left empty'
    )
    (line,) = effects(lesion[2:], {'now': (scores[2:], 0.7)})
    assert line == 'now, cut at 0.7: 1 of 1 normal images left empty'
