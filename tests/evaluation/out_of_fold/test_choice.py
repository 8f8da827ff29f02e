"""The choice among candidates, scored on images that have no part in it."""

import numpy as np

from mmseg_mammo.evaluation.out_of_fold.choice import choice_fitted
from mmseg_mammo.evaluation.out_of_fold.held_out import (
    BINS,
    RANGE,
    WIDTH,
    HeldOut,
    cross_fitted,
    place_of_logit,
)


def held(found):
    """Images in five folds of two, of whose 100 lesion pixels so many are found at a logit of 3."""
    counts = np.zeros((10, 2, BINS), np.int64)
    counts[:, 0, round((RANGE - 3) / WIDTH)] = 100
    counts[:, 1, round((RANGE + 3) / WIDTH)] = found
    counts[:, 1, round((RANGE - 3) / WIDTH)] = 100 - np.array(found)
    names = np.array([f'{n}' for n in range(10)])
    return HeldOut(names, names, np.arange(10) // 2, np.full(10, 100), counts)


def test_the_best_of_candidates_that_differ_by_chance_is_no_better_than_their_mean():
    rng = np.random.default_rng(0)
    shown, honest = [], []
    for _ in range(200):
        level = rng.integers(30, 70, 10)
        all_of = [held(level + rng.integers(-25, 26, 10)) for _ in range(6)]
        scores = [cross_fitted(each, place_of_logit(0.0)).mean() for each in all_of]
        shown.append(max(scores) - np.mean(scores))
        honest.append(choice_fitted(all_of, place_of_logit(0.0)).mean() - np.mean(scores))
    assert np.mean(shown) > 0.03
    assert abs(np.mean(honest)) < 0.01


def test_the_candidate_that_is_better_in_all_folds_is_taken():
    worse, better = held([40] * 10), held([80] * 10)
    assert np.array_equal(choice_fitted([worse, better]).dice, cross_fitted(better).dice)
