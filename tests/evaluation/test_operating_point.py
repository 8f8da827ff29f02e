"""AUROC and the threshold for a stated sensitivity."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_curve

from mmseg_mammo.evaluation.operating_point import auroc, threshold_for


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
