"""Calibration: how well probabilities agree with outcomes (Guo et al., ICML 2017, section 2)."""

import numpy as np

BINS = 10
TEMPERATURES = 0.05, 20.0  # of a fit; beyond them something else is wrong


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


def fit_temperature(logits: np.ndarray, lesion: np.ndarray, background: np.ndarray) -> float:
    """The temperature T of the lowest negative log-likelihood of pixels (Guo et al., section 4.2).

    The mean of ``log(1 + exp(∓logit / T))`` over pixels is convex in 1 / T. Pixels are given as a
    histogram, so that their number does not matter.

    Args:
        logits: N values, log p − log(1 − p) of the middle of each bin.
        lesion: N counts of pixels that are lesion.
        background: N counts of the others.

    Returns:
        Within :data:`TEMPERATURES`; above 1 for a model that is too sure.

    Raises:
        ValueError: There is no pixel of one of the kinds.

    >>> logits = np.array([-4.0, 4.0])  # right in 88 of 100: a logit of 2
    >>> round(fit_temperature(logits, np.array([12, 88]), np.array([88, 12])), 2)
    2.01
    """
    from scipy.optimize import minimize_scalar

    if not lesion.sum() or not background.sum():
        raise ValueError('fit_temperature: pixels of both kinds are needed')

    def loss(inverse: float) -> float:
        costs = lesion @ np.logaddexp(0, -inverse * logits)
        return float(costs + background @ np.logaddexp(0, inverse * logits))

    lowest, highest = TEMPERATURES
    found = minimize_scalar(
        loss, bounds=(1 / highest, 1 / lowest), method='bounded', options={'xatol': 1e-7}
    )
    return float(1 / found.x)


def _bin_numbers(predicted: np.ndarray, bins: int) -> np.ndarray:
    return np.clip((predicted * bins).astype(int), 0, bins - 1)
