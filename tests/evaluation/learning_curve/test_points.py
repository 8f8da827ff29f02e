import numpy as np
import pytest

from mmseg_mammo.evaluation.bootstrap import difference, mean
from mmseg_mammo.evaluation.learning_curve.points import Point, Scores, point, rising, rounds

NAMES = np.array([f'P{n:02d}' for n in range(30)])


def scores(dice, weights=None, images=(10,)):
    dice = np.atleast_2d(dice)
    weights = np.ones(dice.shape[1]) if weights is None else weights
    counts = np.resize(np.array(images, float), len(dice))
    return Scores(counts, counts / 2, NAMES[: dice.shape[1]], dice, weights)


def test_the_mean_is_over_images_and_seeds_and_one_seed_has_the_interval_of_patients():
    generator = np.random.default_rng(0)
    dice, images = generator.uniform(0, 90, 30), generator.integers(1, 4, 30)
    found = point(scores(dice, images.astype(float)))
    asked = mean(np.repeat(dice, images), np.repeat(NAMES, images))
    assert found.score.value == pytest.approx(asked.value)
    assert (found.score.low, found.score.high) == pytest.approx((asked.low, asked.high))
    assert (found.images, found.patients, found.seeds) == (10, 5, 1)
    assert (found.count('images'), found.count('patients')) == (10, 5)


def test_the_spread_of_seeds_has_its_whole_variance():
    """All patients alike, so that seeds alone differ: the variance of a mean of three is s² / 3."""
    levels = np.array([30.0, 36, 45])
    drawn = rounds(scores(np.repeat(levels[:, None], 30, axis=1)))
    assert drawn.mean() == pytest.approx(levels.mean(), abs=0.3)
    assert drawn.var() == pytest.approx(levels.var(ddof=1) / 3, rel=0.1)


def test_draws_are_the_same_for_all_counts_so_that_differences_are_paired():
    dice = np.random.default_rng(1).uniform(0, 90, (3, 30))
    less, more = point(scores(dice)), point(scores(dice + 2))
    step = difference(more.score, less.score)
    assert step.value == pytest.approx(2)
    assert np.ptp(step.rounds) < 1e-9
    assert more.score.high - more.score.low > 5


def test_fewer_than_five_patients_have_no_interval():
    found = point(scores(np.array([10.0, 20, 30, 40])))
    assert found.score.value == 25
    assert np.isnan(found.score.low)
    assert not len(found.score.rounds)


def test_points_are_sorted_without_those_at_no_image():
    made = [point(scores(np.full(6, 5.0), images=(n,))) for n in (20, 0, 5)]
    assert [each.images for each in rising(made)] == [5, 20]
    assert isinstance(made[0], Point)
