"""Bootstrap intervals and permutation tests that resample patients. Pure functions; seeded.

Images of one patient are not independent, therefore whole patients are drawn. NumPy instead of
``scipy.stats.bootstrap`` and ``permutation_test``: for means over images, a matrix of how often
each patient was drawn, times sums per patient, gives all rounds at once. SciPy gathers the data
anew for each of them and has no weights for AUROC; tests compare both.
"""

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmseg_mammo.evaluation.operating_point import auroc as area_under_roc

ROUNDS = 2000
PERMUTATIONS = 99_999
FEWEST = 5  # patients that an interval hangs on, images for a number without a warning
ENOUGH = 20  # patients of an interval without a warning; docs/report.md has its coverage
_SAME = 1e-5  # β of the formulas makes differences, in percent, that are none
_CHUNK = 1000  # rounds at once: bounds memory for data sets of many patients


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95 % interval; the ends are NaN where there is no interval.

    ``rounds`` are the values of the bootstrap, for intervals of differences; ``patients`` the
    number of those that the interval hangs on.
    """

    value: float
    low: float
    high: float
    rounds: np.ndarray
    patients: int = 0

    def scale(self, factor: float) -> 'Estimate':
        """Value, interval and draws times a positive ``factor``, such as 100 for percent."""
        ends = factor * self.low, factor * self.high
        return Estimate(factor * self.value, *ends, factor * self.rounds, self.patients)

    @property
    def is_narrow(self) -> bool:
        """Whether the interval is of so few patients that it may be too narrow."""
        return not np.isnan(self.low) and self.patients < ENOUGH


@lru_cache(maxsize=8)
def draws(patients: int, seed: int) -> np.ndarray:
    """How often each patient is drawn in each round: rounds × patients, rows sum to patients."""
    drawn = np.random.default_rng(seed).integers(0, patients, (ROUNDS, patients))
    drawn += patients * np.arange(ROUNDS)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=ROUNDS * patients)
    return counts.reshape(ROUNDS, patients).astype(np.float64)  # for BLAS


def seed_of(names: np.ndarray) -> int:
    """The seed of the draws of these patients, whose ``names`` are sorted.

    The same patients are drawn alike everywhere, so that a number has the same interval in every
    table, and models on the same images are compared in pairs; other patients are drawn apart.

    >>> seed_of(np.array(['a/1', 'a/2']))
    645240420
    """
    return zlib.crc32('\n'.join(names.tolist()).encode())


def mean(values: np.ndarray, patients: np.ndarray) -> Estimate:
    """Mean over images with an interval from patients drawn with replacement (:func:`estimate`).

    Args:
        values: N numbers, one per image.
        patients: N texts that tell patients apart, also those of several data sets.

    Returns:
        No interval below five patients, nor where all draws give the same number, as if all five
        of five images are right: its width would be zero, which nobody believes.

    >>> found = mean(np.array([0.0, 1.0]), np.array(['a', 'b']))
    >>> found.value, found.low
    (0.5, nan)
    """
    return ratio(values, np.ones(len(values)), patients)


def ratio(
    above: np.ndarray,
    below: np.ndarray,
    patients: np.ndarray,
    counted: np.ndarray | None = None,
) -> Estimate:
    """Σ above / Σ below over images, such as hits over lesions; see :func:`mean`.

    Args:
        above: N numbers.
        below: N numbers.
        patients: N texts; see :func:`mean`.
        counted: N bool, images that ``above`` can come from; by default those with ``below``.
            No interval unless they are of five patients, however many others there are.

    >>> ratio(np.array([1, 2]), np.array([2, 2]), np.array(['a', 'b'])).value
    0.75
    """
    total = float(np.sum(below))
    if not total:
        return estimate(np.nan, np.empty(0))
    value = float(np.sum(above)) / total
    names, codes = np.unique(patients, return_inverse=True)
    sums = np.stack([np.bincount(codes, above), np.bincount(codes, below)], axis=1)
    own = len(set(codes[below > 0 if counted is None else counted]))
    if own < FEWEST:
        return estimate(value, np.empty(0))
    drawn = draws(len(names), seed_of(names)) @ sums
    with np.errstate(invalid='ignore', divide='ignore'):
        return estimate(value, drawn[:, 0] / drawn[:, 1], own)


def auroc(positive: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> Estimate:
    """Area under the ROC curve, ties counting one half, with an interval; see :func:`mean`.

    Args:
        positive: N bool.
        scores: N numbers, higher for positive.
        patients: N texts; see :func:`mean`. No interval unless five have positive images, and five
            others.

    >>> auroc(np.array([True, False]), np.array([0.9, 0.1]), np.array(['a', 'b'])).value
    1.0
    """
    value = area_under_roc(positive, scores)
    if np.isnan(value):
        return estimate(value, np.empty(0))
    order = np.argsort(scores, kind='stable')
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    found = positive[order]
    names, codes = np.unique(patients, return_inverse=True)
    own = min(len(set(codes[positive])), len(set(codes[~positive])))
    if own < FEWEST:
        return estimate(value, np.empty(0))
    drawn = draws(len(names), seed_of(names))[:, codes[order]]
    parts = [_areas(drawn[i : i + 200], found, starts) for i in range(0, ROUNDS, 200)]
    return estimate(value, np.concatenate(parts), own)


def _areas(weights: np.ndarray, positive: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """AUROC of each row of weights; images sorted by score, ``starts`` of equal scores."""
    lesion = np.add.reduceat(weights * positive, starts, axis=1, dtype=np.float64)
    normal = np.add.reduceat(weights * ~positive, starts, axis=1, dtype=np.float64)
    below = np.cumsum(normal, axis=1) - normal / 2
    with np.errstate(invalid='ignore', divide='ignore'):
        return (lesion * below).sum(axis=1) / (lesion.sum(axis=1) * normal.sum(axis=1))


def difference(one: Estimate, other: Estimate) -> Estimate:
    """``one`` − ``other``: paired if both are of the same patients; the fewer of them count."""
    rounds = np.empty(0)
    if len(one.rounds) and len(other.rounds):
        rounds = one.rounds - other.rounds
    return estimate(one.value - other.value, rounds, min(one.patients, other.patients))


def estimate(value: float, rounds: np.ndarray, patients: int = 0) -> Estimate:
    """A value with the expanded percentile interval of the ``rounds`` of its bootstrap.

    Args:
        value: Of the data.
        rounds: Of the draws, NaN where a draw has none.
        patients: That the interval hangs on; of two groups, the smaller one.
    """
    kept = rounds[~np.isnan(rounds)]  # a draw without a normal image has no AUROC
    low, high = np.nan, np.nan
    if len(kept) and np.ptp(kept) > _SAME:
        low, high = np.quantile(kept, (tail(patients), 1 - tail(patients)))
    return Estimate(value, float(low), float(high), rounds, patients)


def tail(patients: int) -> float:
    """The share of draws beyond each end of a 95 % interval over n ``patients``.

    Percentiles of a bootstrap are too narrow by √((n − 1) / n), and know no Student's t; both are
    put right by taking them further out, z · √((n − 1) / n) = t (Hesterberg, What Teachers Should
    Know About the Bootstrap, The American Statistician 69(4), 2015; R's resample::ExpandProbs):
    0.1 % for 5 patients, 1.6 % for 20, 2.5 % for many.

    >>> [round(100 * tail(patients), 1) for patients in (5, 20, 1000)]
    [0.1, 1.6, 2.5]
    """
    from scipy.stats import norm  # here and below: a training need not wait for its import
    from scipy.stats import t as student

    n = max(patients, 2)
    return float(norm.cdf(-np.sqrt(n / (n - 1)) * student.ppf(0.975, n - 1)))


def sign_flip(differences: np.ndarray, patients: np.ndarray, seed: int = 0) -> np.ndarray:
    """Two-sided permutation test of paired differences whose signs are flipped patient by patient.

    Args:
        differences: N×K, of N images for K pairs of models.
        patients: N identifiers.
        seed: Of the flips.

    Returns:
        K p-values of the mean over images being zero; at least 1 / (PERMUTATIONS + 1).

    >>> sign_flip(np.ones((3, 1)), np.array(['a', 'b', 'c'])).round(2)
    array([0.25])
    """
    _, codes = np.unique(patients, return_inverse=True)
    sums = np.zeros((codes.max() + 1, differences.shape[1]))
    np.add.at(sums, codes, differences)
    observed = np.abs(sums.sum(axis=0))
    limit = observed - 1e-9 * np.abs(sums).sum(axis=0)  # equal but for rounding counts as equal
    generator = np.random.default_rng(seed)
    beyond = np.zeros(len(observed))
    for start in range(0, PERMUTATIONS, _CHUNK):
        shape = (min(_CHUNK, PERMUTATIONS - start), -(-len(sums) // 8))
        coins = generator.integers(0, 256, shape, dtype=np.uint8)  # a bit for each patient
        signs = np.unpackbits(coins, axis=1, count=len(sums)) * 2.0 - 1.0
        beyond += (np.abs(signs @ sums) >= limit).sum(axis=0)
    return (beyond + 1) / (PERMUTATIONS + 1)


def adjust(p_values: np.ndarray) -> np.ndarray:
    """Benjamini and Yekutieli's correction: valid for tests that depend on each other in any way.

    The pairs of models share models and images, so that independence cannot be assumed.

    >>> adjust(np.array([0.01, 0.02])).round(3)
    array([0.03, 0.03])
    """
    from scipy.stats import false_discovery_control

    return false_discovery_control(p_values, method='by') if len(p_values) else p_values


def smallest_adjusted(rows: int) -> tuple[float, float]:
    """The smallest adjusted p of ``rows`` tests: if one p alone is small, and if all are.

    >>> smallest_adjusted(1)
    (1e-05, 1e-05)
    """
    smallest = 1 / (PERMUTATIONS + 1)
    alone = np.where(np.arange(rows), 1.0, smallest)
    return float(adjust(alone)[0]), float(adjust(np.full(rows, smallest))[0])
