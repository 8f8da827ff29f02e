"""Calibration of probabilities, beside scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from mmseg_mammo.evaluation.calibration import (
    TEMPERATURES,
    calibration_error,
    fit_temperature,
    reliability,
)


def test_reliability_is_scikit_learns():
    generator = np.random.default_rng(0)
    scores = generator.random(200)
    positive = generator.random(200) < scores
    expected, observed, sizes = reliability(positive, scores)
    true, predicted = calibration_curve(positive, scores, n_bins=10)
    assert (observed, expected) == (pytest.approx(true), pytest.approx(predicted))
    assert sizes.sum() == 200


def test_calibration_error_by_hand():
    scores = np.array([0.25, 0.25, 0.25, 0.25, 1.0, 1.0])
    positive = np.array([1, 0, 0, 0, 1, 0], bool)
    # Four images of 0.25 with a share of 1/4, two of 1.0 with a share of 1/2.
    assert calibration_error(positive, scores) == pytest.approx((4 * 0 + 2 * 0.5) / 6)


def test_the_expected_calibration_error_by_hand():
    """Two of three in one bin, predicted 0.6 with IoUs 1 and 0.4; the third beyond 1."""
    predicted, actual = np.array([0.6, 0.62, 1.1]), np.array([1.0, 0.4, 0.9])
    expected = abs(0.61 - 0.7) * 2 / 3 + abs(1.1 - 0.9) / 3
    assert calibration_error(actual, predicted) == pytest.approx(expected)
    assert calibration_error(actual, predicted, bins=1) == pytest.approx(abs(2.32 - 2.3) / 3)


def test_a_calibrated_predictor_has_errors_but_no_calibration_error():
    """IoUs spread evenly around what is predicted."""
    predicted = np.repeat(np.linspace(0.15, 0.85, 8), 100)
    actual = predicted + np.tile(np.linspace(-0.1, 0.1, 100), 8)
    assert np.abs(predicted - actual).mean() == pytest.approx(0.05, rel=0.02)
    assert calibration_error(actual, predicted) == pytest.approx(0, abs=1e-12)


def test_bins_are_half_open_and_what_lies_beyond_is_in_the_outer_ones():
    predicted = np.array([-0.4, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5])
    expected, observed, sizes = reliability(np.ones(7), predicted, bins=4)
    assert sizes.tolist() == [2, 1, 1, 3]
    assert expected == pytest.approx([-0.2, 0.25, 0.5, 3.25 / 3])
    assert observed.tolist() == [1, 1, 1, 1]


def test_nothing_predicted_has_no_calibration_error():
    assert np.isnan(calibration_error(np.array([], bool), np.array([])))


@pytest.mark.parametrize('temperature', [0.5, 1.0, 3.0])
def test_the_temperature_that_made_labels_is_found_again(temperature):
    generator = np.random.default_rng(0)
    logits = generator.normal(-1, 4, 200_000)
    lesion = generator.random(len(logits)) < 1 / (1 + np.exp(-logits / temperature))
    found = fit_temperature(logits, lesion.astype(int), (~lesion).astype(int))
    assert found == pytest.approx(temperature, rel=0.03)


def test_the_temperature_is_that_of_logistic_regression_without_intercept():
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 5, 3000)
    lesion = generator.random(3000) < 1 / (1 + np.exp(-logits / 2 - 0.5))
    model = LogisticRegression(C=1e12, fit_intercept=False, tol=1e-10).fit(logits[:, None], lesion)
    found = fit_temperature(logits, lesion.astype(int), (~lesion).astype(int))
    assert 1 / found == pytest.approx(float(model.coef_[0, 0]), rel=1e-3)


def test_pixels_of_one_kind_have_no_temperature_and_perfect_ones_the_lowest():
    logits = np.array([-3.0, 3.0])
    assert fit_temperature(logits, np.array([0, 9]), np.array([9, 0])) == pytest.approx(
        TEMPERATURES[0], rel=0.01
    )
    with pytest.raises(ValueError, match='both kinds'):
        fit_temperature(logits, np.array([0, 0]), np.array([9, 1]))
