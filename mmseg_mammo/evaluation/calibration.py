"""Calibration: how well probabilities agree with outcomes (Guo et al., ICML 2017, section 2)."""

import numpy as np

BINS = 10


def reliability(
    observed: np.ndarray, predicted: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, ...]:
    """Mean prediction, mean observation and size of each bin that is not empty.

    Args:
        observed: N bool, or N numbers from 0 to 1 such as IoUs.
        predicted: N numbers; those beyond 0 to 1 are in the first or the last bin.
        bins: Intervals of equal width between 0 and 1.

    >>> reliability(np.array([True, False, True]), np.array([0.9, 0.15, 0.95]))
    (array([0.15 , 0.925]), array([0., 1.]), array([1, 2]))
    """
    numbers = _bin_numbers(predicted, bins)
    sizes = np.bincount(numbers, minlength=bins)
    kept = sizes > 0
    sums = [np.bincount(numbers, values, bins)[kept] for values in (predicted, observed)]
    return sums[0] / sizes[kept], sums[1] / sizes[kept], sizes[kept]


def calibration_error(observed: np.ndarray, predicted: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: |mean prediction − mean observation|, weighted by bin size.

    Arguments are those of :func:`reliability`.

    Returns:
        0 to 1, NaN if N is 0.

    >>> round(calibration_error(np.array([True, False]), np.array([0.9, 0.3])), 6)
    0.2
    """
    if not len(predicted):
        return float('nan')
    # The share of a bin times its |mean| is |sum| / N.
    sums = np.bincount(_bin_numbers(predicted, bins), predicted - observed, bins)
    return float(np.abs(sums).sum() / len(predicted))


def _bin_numbers(predicted: np.ndarray, bins: int) -> np.ndarray:
    return np.clip((predicted * bins).astype(int), 0, bins - 1)
