"""Image-level detection: AUROC of a score, and thresholds that meet a target, with intervals.

A threshold that is the k-th of n scores of images like those to come leaves a share of these below
it that is random: Beta(k, n + 1 − k), whatever the scores are distributed like (Wilks, Determination
of Sample Sizes for Setting Tolerance Limits, Annals of Mathematical Statistics 12, 1941). Its mean
is k / (n + 1), so that k = ⌈share · (n + 1)⌉ meets the target on average over all that one might
have been given to calibrate on; that is split conformal prediction for one class.
"""

import math

import numpy as np

SENSITIVITY = 95  # percent
LEVEL = 0.95  # of intervals
_EXACT = 1e-9  # ⌈0.95 · 20⌉ is 19, whatever the product rounds to


def auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, 0 to 1, ties counting one half; NaN if a class is missing.

    Args:
        positive: N bool.
        scores: N numbers, higher for positive.

    >>> auroc(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
    0.75
    """
    if positive.all() or not positive.any():
        return float('nan')
    from sklearn.metrics import roc_auc_score  # a training need not wait for its import

    return float(roc_auc_score(positive, scores))


def cut_below(score: float) -> float:
    """The highest threshold of float32 that ``score`` exceeds, as a lesion's pixel does.

    >>> cut_below(0.5) < 0.5, 0.5 - cut_below(0.5) < 1e-7
    (True, True)
    """
    return float(max(np.nextafter(np.float32(score), np.float32(-1)), np.float32(0)))


def threshold_for(scores: np.ndarray, percent: int = SENSITIVITY) -> float:
    """The highest threshold t so that ``percent`` of N scores are at least t.

    Args:
        scores: N numbers, those of the positive images.
        percent: The sensitivity.

    >>> threshold_for(np.arange(1, 101) / 100)
    0.06
    """
    return float(np.sort(scores)[len(scores) * (100 - percent) // 100])


def fewest_for(share: float) -> int:
    """The fewest images that a threshold for a ``share``, between 0 and 1, can be taken from.

    >>> fewest_for(0.9), fewest_for(0.95)
    (9, 19)
    """
    return math.ceil(share / (1 - share) - _EXACT)


def rank_for(share: float, count: int) -> int | None:
    """The k of the k-th smallest of ``count`` scores up to which a ``share`` of new ones is expected.

    None if there are fewer than :func:`fewest_for` says.

    >>> rank_for(0.9, 100), rank_for(0.9, 9), rank_for(0.9, 8)
    (91, 9, None)
    """
    rank = math.ceil(share * (count + 1) - _EXACT)
    return rank if rank <= count else None


def share_interval(rank: int, count: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the true share up to the ``rank``-th smallest of ``count`` scores.

    Exact for independent images whose scores do not tie; ties make the share larger, never
    smaller.

    >>> [round(end, 3) for end in share_interval(91, 100)]
    [0.836, 0.951]
    """
    from scipy.stats import beta

    tail = (1 - level) / 2
    low, high = beta.ppf((tail, 1 - tail), rank, count + 1 - rank)
    return float(low), float(high)


def quantile_interval(
    scores: np.ndarray, share: float, level: float = LEVEL
) -> tuple[float | None, float | None]:
    """The interval of the score up to which a true ``share`` lies; two of the scores themselves.

    Args:
        scores: N numbers of independent images.
        share: Between 0 and 1.
        level: The coverage is at least that, whatever the distribution.

    Returns:
        Its ends; None where the scores are too few to bound it on that side.

    >>> quantile_interval(np.arange(1, 101) / 100, 0.9)
    (0.84, 0.96)
    >>> quantile_interval(np.arange(1, 11) / 10, 0.9)
    (0.7, None)
    """
    from scipy.stats import binom

    ordered, tail = np.sort(scores), (1 - level) / 2
    low, high = (int(rank) for rank in binom.ppf((tail, 1 - tail), len(ordered), share))
    return (
        float(ordered[low - 1]) if low >= 1 else None,
        float(ordered[high]) if high < len(ordered) else None,
    )


def redrawn(
    scores: np.ndarray, patients: np.ndarray, counts: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """The thresholds of a bootstrap over patients, and the share of all scores up to each.

    Args:
        scores: N numbers.
        patients: N numbers from 0, whose image it is.
        counts: Rounds × patients, how often each is drawn (:func:`.bootstrap.draws`).
        share: The target; each round takes the k-th of its own scores (:func:`rank_for`).

    Returns:
        Thresholds and shares, one of each a round; NaN where too few images were drawn.

    >>> ones = np.ones((1, 9))
    >>> [found.tolist() for found in redrawn(np.arange(9.0), np.arange(9), ones, 0.5)]
    [[4.0], [0.5555555555555556]]
    """
    order = np.argsort(scores, kind='stable')
    ordered = scores[order]
    reached = np.cumsum(counts[:, patients[order]], axis=1)
    wanted = np.ceil(share * (reached[:, -1] + 1) - _EXACT)
    thresholds = ordered[np.argmax(reached >= wanted[:, None], axis=1)]
    shares = np.searchsorted(ordered, thresholds, side='right') / len(ordered)
    enough = wanted <= reached[:, -1]
    return np.where(enough, thresholds, np.nan), np.where(enough, shares, np.nan)
