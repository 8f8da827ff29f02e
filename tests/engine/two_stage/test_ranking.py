"""Ranking and keep rule: by hand, and against masks that are merged one by one."""

import numpy as np
import pytest

from mmseg_mammo.engine.two_stage.ranking import (
    THRESHOLDS,
    choose_keep,
    count_pixels,
    dice_by_kept,
    fit_ranking,
)
from mmseg_mammo.errors import MammoError

RANDOM = np.random.default_rng(0)


def dice(predicted, truth):
    if not truth.any():
        return float(not predicted.any())
    return 2 * (predicted & truth).sum() / (predicted.sum() + truth.sum())


@pytest.mark.parametrize('lesion', [True, False])
def test_dice_of_kept_candidates_is_that_of_their_merged_maps(lesion):
    maps = [RANDOM.uniform(0, 1, (9, 7)) * (RANDOM.random((9, 7)) < 0.3) for _ in range(4)]
    truth = RANDOM.random((9, 7)) < (0.4 if lesion else 0)
    order = [2, 0, 3, 1]
    found = dice_by_kept(count_pixels(maps, truth), order)
    assert found.shape == (len(THRESHOLDS), 5)
    for row, threshold in enumerate(THRESHOLDS):
        for n in range(5):
            merged = np.max([maps[i] for i in order[:n]] or [0 * maps[0]], axis=0)
            assert found[row, n] == pytest.approx(dice(merged > threshold, truth)), (row, n)


def test_an_image_without_candidates_is_a_miss_or_a_clean_one():
    lesion, normal = np.ones((2, 2), bool), np.zeros((2, 2), bool)
    assert dice_by_kept(count_pixels([], lesion), []).max() == 0
    assert dice_by_kept(count_pixels([], normal), []).min() == 1


def image(probabilities, truth):
    return count_pixels([np.array(one, float) for one in probabilities], np.array(truth, bool))


def test_the_rule_keeps_what_helps():
    """Two images with two lesions each, and a third candidate that is false and scored lower."""
    first, second, false = [[0.9, 0, 0, 0]], [[0, 0.9, 0, 0]], [[0, 0, 0, 0.9]]
    images = [image([false, first, second], [[1, 1, 0, 0]])] * 2
    kept = choose_keep(images, [np.array([0.3, 0.8, 0.7])] * 2, most=3)
    assert (kept.count, kept.dice, kept.lesion_dice) == (2, 100, 100)
    assert (kept.min_score, kept.threshold) == (0, 0.5)


def test_a_normal_image_raises_the_lowest_score():
    lesion = image([[[0.9, 0.0]]], [[1, 0]])
    normal = image([[[0.9, 0.0]]], [[0, 0]])
    kept = choose_keep([lesion, normal], [np.array([0.8]), np.array([0.42])], most=1)
    assert kept.min_score == 0.45  # the lowest of the grid above 0.42
    assert kept.dice == 100
    alone = choose_keep([lesion, normal], [np.array([0.8]), np.array([0.81])], most=1)
    assert (alone.dice, alone.lesion_dice) == (50, 100)


def test_the_threshold_is_chosen_too():
    kept = choose_keep([image([[[0.9, 0.7, 0.2]]], [[1, 0, 0]])], [np.array([0.5])], most=2)
    assert (kept.threshold, kept.dice, kept.count) == (0.7, 100, 1)


def test_ranking_learns_which_of_the_three_tells():
    logits = RANDOM.normal(size=(400, 3))
    weights, bias = fit_ranking(logits, logits[:, 1] + 0.1 * RANDOM.normal(size=400) > 1)
    assert weights[1] > 4 * max(abs(weights[0]), abs(weights[2]))
    assert bias < 0


@pytest.mark.parametrize('hits', [np.ones(4, bool), np.zeros(4, bool)])
def test_of_one_kind_alone_nothing_is_learned(hits):
    assert fit_ranking(np.zeros((4, 3)), hits) is None


def test_no_score_counts_against_a_lesion():
    logits = np.random.default_rng(1).normal(size=(60, 3))
    hits = logits[:, 2] - logits[:, 0] > 0
    weights, _ = fit_ranking(logits, hits)
    assert weights[0] == 0 and weights[2] > 0 and weights[1] >= 0
    assert fit_ranking(-np.abs(logits) * hits[:, None], hits) is None  # all are lower for a lesion


def test_too_many_candidates_are_refused():
    with pytest.raises(MammoError, match='1 to 12'):
        count_pixels([np.zeros((2, 2))] * 13, np.zeros((2, 2), bool))


def test_no_image_is_refused():
    with pytest.raises(MammoError, match='annotated images'):
        choose_keep([], [], most=1)
