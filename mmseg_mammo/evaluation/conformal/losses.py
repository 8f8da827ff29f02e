"""Losses of one image, at one threshold and at many. Pure functions.

Each loss moves one way only as the threshold rises, which conformal risk control needs: that of
recalls and missed lesions up, that of false marks down. The number of false marks itself may also
fall where the threshold does, as marks grow together: over many thresholds it is the largest number
at any threshold from there up, which is never less.
"""

import math
from collections.abc import Callable

import numpy as np

from mmseg_mammo.evaluation.conformal.promise import MOST_MARKS
from mmseg_mammo.evaluation.regions import SPECK, find_lesions, find_regions

TOUCHED = 0.1  # a detection of IoU ≥ 0.1 marks at least that share of its lesion


def loss_of_mask(kind: str, mask: np.ndarray, truth: np.ndarray) -> float:
    """The loss of one image.

    Args:
        kind: Of a :class:`.Promise`.
        mask: H×W bool, what is marked.
        truth: H×W bool.

    Returns:
        0 to 1, of false marks to ``MOST_MARKS``. NaN if the promise does not speak of the image: all
        but false marks, without a lesion.

    >>> truth = np.array([[True, True, False, False]])
    >>> mask = np.array([[True, False, False, True]])
    >>> [loss_of_mask(kind, mask, truth) for kind in ('pixel-recall', 'image-recall', 'false-marks')]
    [0.5, 0.0, 1.0]
    """
    return float(losses(kind, mask.astype(np.float32), truth, np.array([0.5]))[0])


def losses(
    kind: str, probability: np.ndarray, truth: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """The losses of one image at G rising thresholds, G float; see :func:`loss_of_mask`.

    Args:
        kind: Of a :class:`.Promise`.
        probability: H×W float, above the threshold where marked.
        truth: H×W bool.
        thresholds: G.
    """
    if kind != 'false-marks' and not truth.any():
        return np.full(len(thresholds), math.nan)
    return _OF[kind](probability, truth, thresholds)


def marked_share(probability: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The share of an image that is marked at each of G rising thresholds.

    >>> marked_share(np.array([[0.1, 0.9]]), np.array([0.05, 0.1, 0.5])).tolist()
    [1.0, 0.5, 0.5]
    """
    below = np.searchsorted(thresholds, probability.ravel())  # thresholds that a pixel exceeds
    exceeding = np.bincount(below, minlength=len(thresholds) + 1)
    return np.cumsum(exceeding[::-1])[::-1][1:] / probability.size


def _pixels(probability: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    own = np.sort(probability[truth])
    return np.searchsorted(own, thresholds, side='right') / len(own)


def _images(probability: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return (probability.max() <= thresholds).astype(float)


def _lesions(probability: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The share of lesions whose ``TOUCHED`` share of pixels is not above each threshold."""
    lesions = find_lesions(truth)
    limits = []
    for number, pixels in enumerate(lesions.pixels.tolist(), 1):
        own = np.sort(probability[lesions.labels == number])
        limits.append(own[-math.ceil(TOUCHED * pixels)])
    return np.mean(np.array(limits)[:, None] <= thresholds, axis=0)


def _false_marks(probability: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The largest number of false marks at each threshold or a higher one, from the highest down."""
    found = np.zeros(len(thresholds))
    most, highest = 0, float(probability.max())
    for place in range(len(thresholds) - 1, -1, -1):
        if thresholds[place] < highest and most < MOST_MARKS:
            most = max(most, _count_false(probability > thresholds[place], truth))
        found[place] = min(most, MOST_MARKS)
    return found


def _count_false(mask: np.ndarray, truth: np.ndarray) -> int:
    """Regions of a mask, but for specks, that hold no pixel of a lesion."""
    marks = find_regions(mask)
    marks = marks.select(marks.pixels > SPECK * mask.size)
    return len(marks) - len(set(marks.labels[truth].tolist()) - {0})


_OF: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    'pixel-recall': _pixels,
    'image-recall': _images,
    'false-marks': _false_marks,
    'missed-lesions': _lesions,
}
