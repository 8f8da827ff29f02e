"""What is measured of a promise: the mean over patients, its interval, and the verdict."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mmseg_mammo.evaluation.bootstrap import mean
from mmseg_mammo.evaluation.conformal.kept import (
    BROKEN,
    BY_CHANCE,
    KEPT,
    describe_kept,
    measure,
    promise_columns,
)
from mmseg_mammo.evaluation.conformal.promise import Promise

RECALL, MARKS = Promise('pixel-recall', 0.8), Promise('false-marks', 0.5)


def test_images_of_a_patient_count_once():
    losses = np.array([0.0, 0.2, 0.6, 0.6, 0.6, np.nan, 0.1, 0.3, 0.2])
    patients = np.array(['a', 'b', 'c', 'c', 'c', 'd', 'e', 'f', 'g'])
    found = measure(RECALL, losses, patients)
    own = np.array([0.0, 0.2, 0.6, 0.1, 0.3, 0.2])
    assert found.value == pytest.approx(1 - own.mean())
    interval = mean(own, np.array(list('abcefg')))
    assert (found.low, found.high) == pytest.approx((1 - interval.high, 1 - interval.low))
    assert (found.patients, found.images, found.exact) == (6, 8, False)


def test_a_share_of_patients_has_the_exact_interval():
    losses = np.array([0.0] * 17 + [1.0] * 3)
    found = measure(Promise('image-recall', 0.9), losses, np.arange(20).astype(str))
    theirs = binomtest(17, 20).proportion_ci(method='exact')
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.exact


@pytest.mark.parametrize(
    ('promise', 'loss', 'verdict'),
    [
        *((RECALL, 0.1, KEPT), (RECALL, 0.21, BY_CHANCE), (RECALL, 0.5, BROKEN)),
        *((MARKS, 0.4, KEPT), (MARKS, 0.51, BY_CHANCE), (MARKS, 2.0, BROKEN)),
    ],
)
def test_the_verdict(promise, loss, verdict):
    losses = loss + np.random.default_rng(0).normal(0, 0.05, 30)
    losses += loss - losses.mean()
    found = measure(promise, losses, np.arange(30).astype(str))
    assert found.verdict == verdict
    assert (found.short > 0) == (verdict != KEPT)
    assert abs(found.short) == pytest.approx(abs(promise.value(loss) - promise.level))


def test_nothing_is_said_without_images():
    found = measure(RECALL, np.array([np.nan]), np.array(['a']))
    assert (found.patients, found.verdict) == (0, '')


def test_columns():
    truth, mask = np.array([[True, True, False]]), np.array([[True, False, False]])
    said = {'target': 'pixel-recall=0.8'}
    assert promise_columns(None, {}, mask, truth) == {}
    assert promise_columns(said, {}, mask, truth) == {'promise_loss': 0.5}
    assert promise_columns(said, {}, mask, ~truth & mask) == {'promise_loss': None}
    label = {'annotated': 'lesion', 'mask_kind': 'image-label'}
    assert promise_columns(said, label, mask, truth) == {'promise_loss': None}
    said = {'target': 'image-recall=0.8'}
    assert promise_columns(said, label, mask, truth) == {'promise_loss': 0.0}


def test_a_line_says_what_was_promised_and_measured():
    said = {'target': 'pixel-recall=0.8', 'confidence': 0.9, 'sources': ['ours'], 'split': 'val'}
    records = [
        {'source': 'theirs', 'patient_id': str(number), 'promise_loss': 0.5 + 0.01 * number}
        for number in range(9)
    ]
    line = describe_kept(said, records)
    assert line.startswith('promise pixel-recall=0.8 at 90 % confidence, calibrated on ours val: ')
    assert 'measured 0.46 (95 % interval' in line
    assert line.endswith('on 9 images of 9 patients: broken')
    records = [record | {'promise_loss': None} for record in records]
    assert describe_kept(said, records).endswith('no image that it is about')
