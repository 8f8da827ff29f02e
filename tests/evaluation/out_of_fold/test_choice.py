"""The choice among candidates, scored on images that have no part in it."""

import numpy as np

from mmseg_mammo.evaluation.out_of_fold.choice import choice_fitted, first_as_good, latest_as_good
from mmseg_mammo.evaluation.out_of_fold.held_out import (
    BINS,
    CUTS,
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
    marks = np.tile(np.arange(len(CUTS))[::-1], (10, 1))
    closed = np.zeros(10, bool)
    return HeldOut(names, names, np.arange(10) // 2, np.full(10, 100), counts, marks, closed)


def test_the_best_of_candidates_that_differ_by_chance_is_no_better_than_their_mean():
    rng = np.random.default_rng(0)
    shown, honest = [], []
    for _ in range(200):
        level = rng.integers(30, 70, 10)
        all_of = [held(level + rng.integers(-25, 26, 10)) for _ in range(6)]
        scores = [cross_fitted(each, place_of_logit(0.0)).mean() for each in all_of]
        shown.append(max(scores) - np.mean(scores))
        honest.append(
            choice_fitted([[each] for each in all_of], place_of_logit(0.0)).mean() - np.mean(scores)
        )
    assert np.mean(shown) > 0.03
    assert abs(np.mean(honest)) < 0.01


def test_the_candidate_that_is_better_in_all_folds_is_taken():
    worse, better = held([40] * 10), held([80] * 10)
    found, alone = choice_fitted([[worse], [better]]), cross_fitted(better)
    assert np.array_equal(found.dice, alone.dice)
    assert np.array_equal(found.false_marks, alone.false_marks)


def test_steps_that_few_images_do_not_tell_from_the_best_are_none_too_many():
    rng = np.random.default_rng(0)
    patients = np.arange(20).astype(str)
    level = rng.uniform(0.3, 0.6, 20)
    found = [latest_as_good(level + rng.normal(0, 0.1, (6, 20)), patients) for _ in range(200)]
    assert np.mean(found) > 4  # the best of six would be at 2.5 on average
    overfit = level - 0.1 * np.arange(6)[:, None] + rng.normal(0, 0.02, (6, 20))
    assert latest_as_good(overfit, patients) == 0


def test_images_of_one_patient_are_no_evidence_of_many():
    dice = np.array([[0.8] * 5 + [0.4] * 5, [0.5] * 10])
    assert latest_as_good(dice, np.array([*'aaaaabbbbb'])) == 1
    assert latest_as_good(dice, np.array([*'abcdefghij'])) == 0


def test_of_tunings_that_few_images_do_not_tell_apart_the_first_is_taken():
    """It is the better guess: the best of several that differ by chance alone is any of them."""
    rng = np.random.default_rng(0)
    patients = np.arange(20).astype(str)
    level = rng.uniform(0.3, 0.6, 20)
    alike = [level + rng.normal(0, 0.1, (3, 20)) for _ in range(200)]
    found = [first_as_good(each[:, None], patients)[0] for each in alike]
    assert np.mean(found) < 0.5  # the best of three would be at 1 on average
    steps = [np.stack([level, level - 0.1]), np.stack([level + 0.1, level + 0.3])]
    assert first_as_good(steps, patients) == (1, 1)


def test_a_tuning_that_gains_nothing_gives_way_to_one_that_does():
    """Else the start would be kept, though a tuning gains."""
    rng = np.random.default_rng(0)
    patients = np.arange(20).astype(str)
    start = rng.uniform(0.3, 0.6, 20)
    kept = 0
    for _ in range(100):
        full = start + rng.normal(0, 0.25, 20)
        head = start + rng.normal(0.06, 0.05, 20)
        dice = [full[None], head[None]]
        tuning, _ = first_as_good(dice, patients, start.mean())
        kept += dice[tuning].mean() <= start.mean()
    assert kept == 0
    worse, same = start - 0.1, start - 0.05
    assert first_as_good([worse[None], same[None]], patients, start.mean()) == (1, 0)


def test_the_choice_that_is_scored_passes_over_tunings_that_gain_nothing():
    start, worse, better = held([60] * 10), held([20, 95] * 5), held([62] * 10)
    found = choice_fitted([[worse], [better]], start=start)
    assert np.array_equal(found.dice, cross_fitted(better).dice)


def test_the_first_of_alike_tunings_is_scored():
    """The other is better on one image of ten alone, which tells nothing."""
    first, other = held([60] * 10), held([60] * 9 + [99])
    found, alone = choice_fitted([[first], [other]]), cross_fitted(first)
    assert np.array_equal(found.dice, alone.dice)


def test_no_image_has_a_part_in_the_candidate_and_the_cut_that_it_is_scored_by():
    """Whatever two models say of a fold, its images are scored by the same one, cut at the same place."""
    rng = np.random.default_rng(0)

    def said():
        counts = np.zeros((10, 2, BINS), np.int64)
        for logit in (-3, -1, 1, 3):
            counts[:, :, round((RANGE + logit) / WIDTH)] = rng.integers(0, 99, (10, 2))
        return counts

    def scored(counts):
        """False marks that tell candidate and cut."""
        lesion = np.full(10, 200)
        marks = [np.tile(1000 * n + np.arange(len(CUTS))[::-1], (10, 1)) for n in (1, 2, 3)]
        names, folds = np.arange(10).astype(str), np.arange(10) // 2
        pairs, closed = zip(counts, marks, strict=True), np.zeros(10, bool)
        return choice_fitted(
            [[HeldOut(names, names, folds, lesion, *pair, closed)] for pair in pairs]
        )

    seen = set()
    for _ in range(100):
        counts = [said() for _ in range(3)]
        before = scored(counts).false_marks
        for each in counts:
            each[:2] = said()[:2]
        after = scored(counts).false_marks
        assert np.array_equal(before[:2], after[:2])
        seen |= set(before.tolist())
    assert len({value // 1000 for value in seen}) == 3
    assert len(seen) > 5
