"""Cuts: which of them images choose, counted by hand."""

import numpy as np
import pytest

from mmseg_mammo.evaluation.out_of_fold.cuts import AtCuts, best_place, standard_error


def cuts(dice, false_marks, lesion=None, folds=None):
    """Images of one patient each."""
    count = len(dice)
    return AtCuts(
        np.array(dice, float),
        np.array(false_marks, float),
        np.array([True] * count if lesion is None else lesion),
        np.arange(count).astype(str),
        np.arange(count) if folds is None else np.array(folds),
    )


def test_of_cuts_that_are_nearly_as_good_the_one_with_the_fewest_false_marks_is_taken():
    """Means 0.6, 0.55, 0.2: the standard error of the best is 0.1, of four patients."""
    dice = [[0.4, 0.35, 0], [0.6, 0.55, 0.2], [0.6, 0.55, 0.2], [0.8, 0.75, 0.4]]
    assert standard_error(np.array([0.4, 0.6, 0.6, 0.8]), np.arange(4)) == pytest.approx(
        0.0816, abs=1e-4
    )
    marks = [[9, 2, 0]] * 4
    assert cuts(dice, marks).best() == 1
    alike = [[0.55, 0.4, 0], [0.6, 0.45, 0.2], [0.6, 0.45, 0.2], [0.65, 0.5, 0.4]]
    assert cuts(alike, marks).best() == 0  # 0.15 lower, at a standard error of 0.02


def test_no_dice_is_given_away_for_nothing():
    dice = [[0.4, 0.35, 0.3], [0.6, 0.55, 0.5], [0.8, 0.75, 0.7]]
    assert cuts(dice, [[2, 2, 2]] * 3).best() == 0
    assert cuts(dice, [[2, 1, 1]] * 3).best() == 1


def test_a_few_marks_that_may_be_chance_cost_no_dice():
    """Of four patients with 0, 0, 0 and 4 false marks the standard error is 1."""
    dice = [[0.4, 0.39, 0.35], [0.6, 0.59, 0.55], [0.6, 0.59, 0.55], [0.8, 0.79, 0.75]]
    fewest = [0, 0, 0, 4]
    marks = [[few + 1.5, few + 0.9, few] for few in fewest]
    assert cuts(dice, marks).best() == 1
    assert cuts(dice, [[few + 1.5, few + 1.1, few] for few in fewest]).best() == 2


def test_marks_that_flow_together_are_not_fewer():
    dice = [[0.35, 0.4, 0.35], [0.55, 0.6, 0.55], [0.75, 0.8, 0.75]]
    assert cuts(dice, [[1, 9, 3]] * 3).best() == 2


def test_false_marks_on_normal_images_count():
    dice = [[0.4, 0.35], [0.6, 0.55], [0.8, 0.75], [0, 0]]
    lesion = [True, True, True, False]
    assert cuts(dice, [[0, 0], [0, 0], [0, 0], [9, 4]], lesion).best() == 1
    assert cuts(dice, [[0, 0], [0, 0], [0, 0], [4, 4]], lesion).best() == 0


def test_a_single_patient_knows_no_error():
    dice = np.array([[0.2, 0.15], [0.9, 0.85]])
    one = AtCuts(
        dice, np.array([[9, 0], [9, 0]]), np.array([True] * 2), np.array(['a', 'a']), np.zeros(2)
    )
    assert one.best() == 0


def test_images_of_a_patient_are_one_in_the_standard_error():
    values, each = np.array([0.1, 0.3, 0.7, 0.9]), np.arange(4)
    assert standard_error(values, each) == pytest.approx(values.std(ddof=1) / 2)
    twice = standard_error(np.repeat(values, 2), np.repeat(each, 2))
    assert twice == pytest.approx(standard_error(values, each))


def test_no_image_has_a_part_in_the_cut_that_it_is_scored_at():
    """Whatever is said of a fold, its images are cut at the same place."""
    rng = np.random.default_rng(0)
    places = np.arange(7.0)  # an image's false marks tell where it was cut
    for _ in range(20):
        dice, folds = rng.random((9, 7)), np.arange(9) // 3
        marks = np.tile(places[::-1], (9, 1))
        own = folds == 1
        before = cuts(dice, marks, folds=folds).crossed(None, 0)[1][own]
        other = np.where(own[:, None], rng.random((9, 7)), dice)
        after = cuts(other, marks, folds=folds).crossed(None, 0)[1][own]
        assert np.array_equal(before, after)


def test_images_of_whose_lesions_no_cut_finds_any_choose_the_default():
    blind = cuts([[0, 0], [0, 1]], [[9, 0], [9, 0]], [True, False])
    assert blind.place(None, 0) == 0
    normal = cuts([[0, 1], [0, 1]], [[9, 0], [9, 0]], [False, False])
    assert normal.place(None, 0) == 0
    assert normal.place(1, 0) == 1
    assert best_place(np.array([0, 1, 1, 1, 1, 0.5])) == 2
