"""Losses by hand; over many thresholds those of each mask, and false marks never fewer."""

import numpy as np
import pytest

from mmseg_mammo.evaluation.conformal.losses import loss_of_mask, losses, marked_share
from mmseg_mammo.evaluation.conformal.promise import MOST_MARKS
from mmseg_mammo.io.operating_point import PROMISES

TRUTH = np.zeros((40, 40), bool)
TRUTH[2:12, 2:12] = True  # 100 pixels
TRUTH[30:34, 30:35] = True  # 20


def test_by_hand():
    mask = np.zeros_like(TRUTH)
    mask[2:12, 2:11] = True  # nine tenths of the first
    mask[30, 30] = True  # a twentieth of the second: missed
    mask[20:22, 4:6] = mask[36, 5] = True  # false
    found = {kind: loss_of_mask(kind, mask, TRUTH) for kind in PROMISES}
    assert found == {
        'pixel-recall': pytest.approx(1 - 91 / 120),
        'image-recall': 0,
        'false-marks': 2,
        'missed-lesions': 0.5,
    }
    mask[30, 31] = True  # now a tenth
    assert loss_of_mask('missed-lesions', mask, TRUTH) == 0


def test_an_empty_mask_and_an_image_without_a_lesion():
    nothing = np.zeros_like(TRUTH)
    assert [loss_of_mask(kind, nothing, TRUTH) for kind in PROMISES] == [1, 1, 0, 1]
    found = [loss_of_mask(kind, TRUTH, nothing) for kind in PROMISES]
    assert np.isnan([found[0], found[1], found[3]]).all()
    assert found[2] == 2


def test_no_more_false_marks_are_counted_than_the_bound():
    many = np.zeros_like(TRUTH)
    many[::2, ::2] = True
    assert loss_of_mask('false-marks', many, np.zeros_like(TRUTH)) == MOST_MARKS


@pytest.mark.parametrize('kind', PROMISES)
def test_losses_over_thresholds_are_those_of_each_mask(kind):
    generator = np.random.default_rng(3)
    smooth = np.kron(generator.random((8, 8)), np.ones((5, 5)))
    probability = np.clip(0.6 * smooth + 0.4 * TRUTH * smooth[::-1], 0, 1).astype(np.float32)
    thresholds = np.linspace(0.02, 0.98, 49).astype(np.float32).astype(float)
    found = losses(kind, probability, TRUTH, thresholds)
    each = np.array([loss_of_mask(kind, probability > t, TRUTH) for t in thresholds])
    steps = np.diff(found)
    if kind == 'false-marks':
        assert (steps <= 0).all()
        assert (found >= each).all()
        assert found.tolist() == np.maximum.accumulate(each[::-1])[::-1].tolist()
        assert (found > each).any()  # marks grow together below
    else:
        assert (steps >= 0).all()
        assert found == pytest.approx(each)
    assert len(set(found.tolist())) > 1


def test_the_share_that_is_marked():
    probability = np.random.default_rng(0).random((9, 7)).astype(np.float32)
    thresholds = np.array([0.0, 0.25, float(probability[0, 0]), 0.99])
    thresholds.sort()
    expected = [(probability > t).mean() for t in thresholds]
    assert marked_share(probability, thresholds) == pytest.approx(expected)
