"""Promises: their limits, the fewest patients, and thresholds that float32 holds."""

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.conformal.promise import MEANINGS, MOST_MARKS, UNITS, Promise
from mmseg_mammo.io.operating_point import PROMISES


def test_every_kind_is_described():
    assert set(MEANINGS) == set(UNITS) == set(PROMISES)


@pytest.mark.parametrize(
    ('text', 'risk', 'fewest'),
    [
        ('pixel-recall=0.9', 0.1, 10),  # 1 / 11 is below 0.1, 1 / 10 is not
        ('image-recall=0.8', 0.2, 5),
        ('missed-lesions=0.3', 0.3, 3),
        ('false-marks=1', 1 / MOST_MARKS, 10),
    ],
)
def test_the_limit_of_the_mean_loss_and_the_fewest_patients(text, risk, fewest):
    promise = Promise.read(text)
    assert promise.risk == pytest.approx(risk)
    assert promise.fewest() == fewest
    assert 1 / (fewest + 1) < risk <= 1 / fewest + 1e-12


@pytest.mark.parametrize(('level', 'confidence', 'fewest'), [(0.9, 0.95, 29), (0.8, 0.9, 11)])
def test_a_confidence_needs_more(level, confidence, fewest):
    """So many that a model that errs too often makes no error on them by chance seldom enough."""
    assert Promise('pixel-recall', level, confidence).fewest() == fewest
    assert level**fewest <= 1 - confidence < level ** (fewest - 1)


@pytest.mark.parametrize(
    'text',
    [
        *('pixel-recall=1', 'pixel-recall=0', 'recall=0.9', 'pixel-recall', 'false-marks=5'),
        *('image-recall=nan', 'specificity=0.9'),
    ],
)
def test_what_is_no_promise_is_refused(text):
    with pytest.raises(MammoError, match='pixel-recall=R'):
        Promise.read(text)


def test_thresholds_rise_and_are_those_that_float32_compares_with():
    for kind in PROMISES:
        found = Promise(kind, 0.5).thresholds
        assert (np.diff(found) > 0).all()
        assert (found.astype(np.float32) == found).all()
        assert 0 < found[0] < 1e-4
        assert 0.9999 < found[-1] < 1


def test_the_text_names_the_confidence():
    assert str(Promise('false-marks', 0.5)) == 'false-marks=0.5'
    assert str(Promise('pixel-recall', 0.9, 0.95)) == 'pixel-recall=0.9 at 95 % confidence'
