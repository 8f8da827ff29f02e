"""Platt's calibration against scikit-learn's own, and where labels are parted."""

import numpy as np
import pytest
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import log_loss

from mmseg_mammo.evaluation.image_level.platt import calibrate, fit_platt

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(('scale', 'shift'), [(1.0, 0.0), (20.0, -300.0), (0.01, 4.0)])
def test_scale_and_bias_are_those_of_scikit_learn(scale, shift):
    positive = GENERATOR.random(300) < 0.3
    logits = scale * (GENERATOR.normal(size=300) + 1.5 * positive) + shift
    found = fit_platt(logits, positive)
    theirs = _SigmoidCalibration().fit(logits, positive.astype(int))
    # Theirs is sigmoid(-(a · logit + b)).
    assert found == pytest.approx((-theirs.a_, -theirs.b_), rel=1e-3)
    probabilities = calibrate(logits, *found)
    assert probabilities == pytest.approx(theirs.predict(logits), abs=1e-4)
    assert log_loss(positive, probabilities) < log_loss(positive, np.full(300, positive.mean()))


def test_parted_labels_do_not_make_it_infinitely_sure():
    positive = np.arange(20) >= 10
    scale, bias = fit_platt(np.where(positive, 5.0, -5.0), positive)
    assert calibrate(np.array([5.0, -5.0]), scale, bias) == pytest.approx([11 / 12, 1 / 12])


def test_a_wrong_or_constant_logit_has_no_scale_above_zero():
    positive = np.arange(20) >= 10
    assert fit_platt(-np.arange(20.0), positive)[0] < 0
    assert fit_platt(np.ones(20), positive) == (0.0, 0.0)


def test_where_nothing_was_asked_for_the_presence_is_zero():
    assert calibrate(np.array([-np.inf, 0.0]), 2.0, 0.0).tolist() == [0.0, 0.5]
