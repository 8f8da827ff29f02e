"""Thresholds against the formula, MAPIE's own controller and simulated hospitals."""

import math

import numpy as np
import pytest
from mapie.risk_control import BinaryClassificationController, SemanticSegmentationController
from scipy.stats import binom

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.conformal.control import by_patient, control
from mmseg_mammo.evaluation.conformal.losses import losses
from mmseg_mammo.evaluation.conformal.promise import Promise

SPLITS = 500


def names(count):
    return np.array([f'p{number:03}' for number in range(count)])


def images(generator, count, side=12):
    """Probabilities and truths of images whose difficulty varies a lot, as that of lesions does."""
    truth = generator.random((count, side, side)) < 0.3
    truth[:, 0, 0] = True
    ease = generator.normal(0, 2, (count, 1, 1))
    logits = generator.normal(0, 1, truth.shape) + ease + 1.5 * truth
    return (1 / (1 + np.exp(-logits))).astype(np.float32), truth


def losses_of(promise, probability, truth):
    each = zip(probability, truth, strict=True)
    return np.array([losses(promise.kind, *one, promise.thresholds) for one in each])


def test_patients_are_the_unit():
    promise = Promise.read('pixel-recall=0.6')
    found = losses_of(promise, *images(np.random.default_rng(0), 40))
    patients = np.repeat(names(20), 2)
    means = (found[::2] + found[1::2]) / 2
    assert by_patient(found, patients) == pytest.approx(means)
    one, other = control(promise, found, patients), control(promise, means, names(20))
    assert (one.threshold, one.patients, one.images) == (other.threshold, 20, 40)


@pytest.mark.parametrize('text', ['pixel-recall=0.7', 'missed-lesions=0.3', 'false-marks=2'])
def test_the_threshold_is_the_last_that_the_formula_allows(text):
    """Angelopoulos et al., Conformal Risk Control, (n · mean + B) / (n + 1) within α."""
    promise, count = Promise.read(text), 60
    found = losses_of(promise, *images(np.random.default_rng(1), count))
    most = 10 if promise.kind == 'false-marks' else 1
    bounds = (found.sum(axis=0) + most) / (count + 1)
    allowed = np.flatnonzero(bounds < (2 if most == 10 else 0.3))
    wanted = allowed[0] if promise.kind == 'false-marks' else allowed[-1]
    chosen = control(promise, found, names(count))
    assert chosen.place == wanted
    assert chosen.threshold == promise.thresholds[wanted]
    assert chosen.mean == pytest.approx(found[:, wanted].mean())
    assert chosen.bound == pytest.approx(bounds[wanted])


def test_pixels_against_the_controller_of_mapie():
    probability, truth = images(np.random.default_rng(2), 30)
    promise = Promise.read('pixel-recall=0.75')
    controller = SemanticSegmentationController(
        lambda given: given[:, None],
        risk='recall',
        method='crc',
        target_level=0.75,
        predict_params=promise.thresholds[::4],
    )
    controller.calibrate(probability, truth.reshape(len(truth), -1).astype(int))
    theirs = controller.best_predict_param[0]
    ours = control(promise, losses_of(promise, probability, truth), names(30)).threshold
    places = np.searchsorted(promise.thresholds, (theirs, ours))
    assert 0 <= places[1] - places[0] < 4  # they look at each fourth threshold


@pytest.mark.parametrize('confidence', [None, 0.95])
@pytest.mark.parametrize('kind', ['pixel-recall', 'image-recall', 'false-marks'])
def test_of_a_model_that_is_always_right_the_threshold_marks_as_a_promise_allows(kind, confidence):
    """All losses are 0 at all thresholds: the highest keeps a recall, the lowest makes no false mark."""
    promise = Promise(kind, 0.9, confidence)
    found = np.zeros((60, len(promise.thresholds)))
    wanted = promise.thresholds[0 if kind == 'false-marks' else -1]
    assert control(promise, found, names(60)).threshold == wanted


def test_images_with_a_confidence_against_the_controller_of_mapie():
    generator = np.random.default_rng(4)
    scores = (1 / (1 + np.exp(-generator.normal(1, 1.5, 120)))).astype(np.float32)
    promise = Promise.read('image-recall=0.8', 0.9)
    found = (scores[:, None] <= promise.thresholds).astype(float)
    ours = control(promise, found, names(120))
    controller = BinaryClassificationController(
        lambda given: np.stack([1 - given, given], axis=1),
        'recall',
        0.8,
        confidence_level=0.9,
        list_predict_params=promise.thresholds,
        fwer_method='fixed_sequence',
    )
    controller.calibrate(scores, np.ones(120, int))
    missed = found.sum(axis=0)
    exact = binom.cdf(missed, 120, 0.2)
    assert exact[ours.place] <= 0.1 < exact[ours.place + 1]
    # Theirs may stop earlier: n · (1 − recall) is rounded up, at times to one miss more.
    surely = promise.thresholds[binom.cdf(missed + 1, 120, 0.2) <= 0.1]
    assert surely.max() <= max(controller.valid_predict_params) <= ours.threshold


@pytest.mark.parametrize('text', ['pixel-recall=0.8', 'image-recall=0.9', 'missed-lesions=0.25'])
@pytest.mark.parametrize('count', [25, 80])
def test_on_average_over_splits_the_promise_is_kept(text, count):
    promise, generator = Promise.read(text), np.random.default_rng(5)
    found = losses_of(promise, *images(generator, 1000, 8))
    measured = []
    for _ in range(SPLITS):
        order = generator.permutation(len(found))
        chosen = control(promise, found[order[:count]], names(count))
        measured.append(found[order[count:], chosen.place].mean())
    spread = np.std(measured) / math.sqrt(SPLITS)
    assert np.mean(measured) <= promise.risk + 3 * spread
    # Nor is it kept by marking all: no more is given away than the formula does.
    assert np.mean(measured) >= promise.risk - 1.5 / (count + 1) - 3 * spread


def test_false_marks_on_average_over_splits():
    promise, generator = Promise.read('false-marks=1.5'), np.random.default_rng(6)
    found = losses_of(promise, *images(generator, 300, 8))
    measured = []
    for _ in range(SPLITS):
        order = generator.permutation(len(found))
        chosen = control(promise, found[order[:60]], names(60))
        measured.append(found[order[60:], chosen.place].mean())
    assert 0.9 < np.mean(measured) <= 1.5 + 3 * np.std(measured) / math.sqrt(SPLITS)


@pytest.mark.parametrize('text', ['pixel-recall=0.7', 'image-recall=0.8'])
def test_a_confidence_is_the_share_of_splits_that_keep_the_promise(text):
    promise, generator = Promise.read(text, 0.9), np.random.default_rng(7)
    found = losses_of(promise, *images(generator, 2000, 8))
    true = found.mean(axis=0)
    broken = 0
    for _ in range(SPLITS):
        drawn = generator.integers(0, len(found), 80)
        broken += true[control(promise, found[drawn], names(80)).place] > promise.risk
    assert broken / SPLITS <= 0.1 + 3 * math.sqrt(0.09 / SPLITS)


def test_too_few_patients_or_too_weak_a_model_is_said():
    promise = Promise.read('pixel-recall=0.9')
    found = np.zeros((20, len(promise.thresholds)))
    with pytest.raises(MammoError, match=r'with 9 patients that have .* Allowed: 10 or more'):
        control(promise, found[:9], names(9))
    with pytest.raises(MammoError, match='with 5 patients'):  # whatever the number of images
        control(promise, found, np.repeat(names(5), 4))
    found[:8] = 0.5
    with pytest.raises(
        MammoError, match=r'no threshold keeps it on 20 patients\. Allowed: .* 0\.8'
    ):
        control(promise, found, names(20))
    with pytest.raises(MammoError, match='no threshold keeps it'):
        control(Promise('pixel-recall', 0.7, 0.95), found, names(20))


def test_images_that_the_promise_is_not_about_do_not_count():
    promise = Promise.read('image-recall=0.5')
    found = np.zeros((12, len(promise.thresholds)))
    found[6:] = np.nan
    chosen = control(promise, found, names(12))
    assert (chosen.images, chosen.patients) == (6, 6)
    assert chosen.as_facts()['measured'] == 1
