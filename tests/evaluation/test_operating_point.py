"""AUROC and the threshold for a stated sensitivity."""

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu
from sklearn.metrics import roc_curve

from mmseg_mammo.evaluation.bootstrap import draws
from mmseg_mammo.evaluation.operating_point import (
    auroc,
    cut_below,
    fewest_for,
    quantile_interval,
    rank_for,
    redrawn,
    share_interval,
    threshold_for,
)


def test_the_threshold_is_the_highest_that_finds_95_percent():
    scores = np.arange(1, 21) / 20
    threshold = threshold_for(scores)
    assert threshold == 0.1  # 19 of 20 are at least 0.1, 18 at least 0.15
    assert threshold_for(scores[:5]) == 0.05  # of five, none may be missed
    assert threshold_for(np.arange(100)) == 5


def test_specificity_there_is_that_of_scikit_learns_roc():
    generator = np.random.default_rng(0)
    lesion, scores = generator.random(300) < 0.4, generator.random(300)
    scores = (scores + 0.3 * lesion).clip(0, 1)
    false, true, _ = roc_curve(lesion, scores, drop_intermediate=False)
    wanted = 1 - false[true >= 0.95].min()
    ours = (scores[~lesion] < threshold_for(scores[lesion])).mean()
    assert ours == pytest.approx(wanted)


@pytest.mark.parametrize('levels', [4, 1000])  # many ties, and nearly none
def test_auroc_is_the_share_of_pairs_in_order(levels):
    """Mann and Whitney's U of SciPy over the number of pairs."""
    generator = np.random.default_rng(levels)
    positive, scores = generator.random(80) < 0.3, generator.integers(0, levels, 80)
    pairs = mannwhitneyu(scores[positive], scores[~positive]).statistic
    found = auroc(positive, scores)
    assert found == pytest.approx(pairs / (positive.sum() * (~positive).sum()))
    assert auroc(positive, -scores) == pytest.approx(1 - found)


@pytest.mark.parametrize('positive', [[True, True], [False, False], []])
def test_auroc_needs_both_kinds(positive):
    positive = np.array(positive, bool)
    assert np.isnan(auroc(positive, np.linspace(0, 1, len(positive))))


@pytest.mark.parametrize('percent', [50, 80, 95, 100])
@pytest.mark.parametrize('count', [1, 7, 20, 99])
def test_as_many_are_found_as_asked_for_and_no_higher_threshold_does(percent, count):
    scores = np.random.default_rng(count).random(count)
    threshold = threshold_for(scores, percent)
    assert 100 * (scores >= threshold).sum() >= percent * count
    higher = np.nextafter(threshold, 1)
    assert 100 * (scores >= higher).sum() < percent * count


def test_a_cut_below_a_score_is_exceeded_by_it_and_by_nothing_less():
    for score in np.float32([1.0, 0.5, 1e-6, 0.3]):
        assert score > np.float32(cut_below(float(score)))
        assert not np.nextafter(score, np.float32(0)) > np.float32(cut_below(float(score)))
    assert cut_below(0.0) == 0


@pytest.mark.parametrize('share', [0.5, 0.9, 0.95, 0.99])
def test_the_fewest_images_are_as_many_as_have_a_rank(share):
    fewest = fewest_for(share)
    assert rank_for(share, fewest) == fewest
    assert rank_for(share, fewest - 1) is None
    for count in range(fewest, fewest + 300, 7):
        rank = rank_for(share, count)
        assert rank / (count + 1) >= share - 1e-9 > (rank - 1) / (count + 1) - 2e-9


@pytest.mark.parametrize(('share', 'count'), [(0.9, 20), (0.9, 100), (0.8, 9)])
def test_the_true_share_is_met_on_average_and_within_its_interval_as_often_as_said(share, count):
    """10,000 hospitals, whose scores are uniform: the true share below a threshold is itself."""
    generator = np.random.default_rng(count)
    rank = rank_for(share, count)
    true = np.sort(generator.random((10_000, count)), axis=1)[:, rank - 1]
    assert true.mean() == pytest.approx(rank / (count + 1), abs=0.005)
    low, high = share_interval(rank, count)
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(0.95, abs=0.008)
    assert np.mean(true < low) == pytest.approx(0.025, abs=0.006)


@pytest.mark.parametrize(('share', 'count'), [(0.9, 30), (0.9, 200), (0.5, 12)])
def test_the_interval_of_the_threshold_covers_it_at_least_as_often_as_said(share, count):
    scores = np.random.default_rng(count).random((2000, count))
    ends = [quantile_interval(each, share) for each in scores]
    inside = [(low or 0) <= share <= (1 if high is None else high) for low, high in ends]
    assert np.mean(inside) >= 0.945
    (low, high), ordered = quantile_interval(scores[0], share), np.sort(scores[0])
    ranks = [0 if low is None else np.searchsorted(ordered, low) + 1]
    ranks += [count + 1 if high is None else np.searchsorted(ordered, high) + 1]
    # P(the k-th and the l-th score lie on both sides), by the binomial distribution.
    exact = binom.cdf(ranks[1] - 1, count, share) - binom.cdf(ranks[0] - 1, count, share)
    assert exact >= 0.95


def test_too_few_scores_bound_no_side():
    assert quantile_interval(np.array([0.5]), 0.9) == (None, None)


def test_redrawn_thresholds_are_those_of_the_drawn_images():
    generator = np.random.default_rng(0)
    scores, patients = generator.random(40), np.repeat(np.arange(10), 4)
    counts = draws(10, 0)[:50]
    thresholds, shares = redrawn(scores, patients, counts, 0.8)
    for row, threshold, share in zip(counts, thresholds, shares, strict=True):
        drawn = np.sort(np.repeat(scores, row[patients].astype(int)))
        assert threshold == drawn[rank_for(0.8, len(drawn)) - 1]
        assert share == (scores <= threshold).mean()
    assert np.isnan(redrawn(scores[:4], patients[:4], np.ones((1, 1)), 0.9)).all()


def test_images_of_the_same_patient_widen_the_interval():
    """Four copies of each image say no more than one, and the exact interval does not know it."""
    scores = np.random.default_rng(1).random(50)
    four, patients = np.repeat(scores, 4), np.repeat(np.arange(50), 4)
    _, shares = redrawn(four, patients, draws(50, 0), 0.8)
    low, high = np.quantile(shares, (0.025, 0.975))
    exact_low, exact_high = share_interval(rank_for(0.8, 200), 200)
    assert high - low > 1.6 * (exact_high - exact_low)
