"""Hits: which crops hold a lesion."""

from collections.abc import Sequence

import numpy as np

from mmseg_mammo.evaluation.regions import find_lesions

HALF = 0.5  # of a lesion's area, in a crop that holds it


def crops_with_lesion(truth: np.ndarray, crops: Sequence[tuple[int, int, int, int]]) -> np.ndarray:
    """Which crops hold at least half of the area of a lesion, K bool.

    Lesions are those that the lesion-level scores count (:func:`.find_lesions`).

    Args:
        truth: H×W bool.
        crops: K boxes, (x0, y0, x1, y1); they may reach beyond the image.

    >>> truth = np.array([[True, True, False, False]])
    >>> crops_with_lesion(truth, [(1, 0, 4, 1), (2, 0, 4, 1), (-5, -5, 1, 1)]).tolist()
    [True, False, True]
    """
    lesions = find_lesions(truth)
    found = np.zeros(len(crops), bool)
    for number, (x0, y0, x1, y1) in enumerate(crops):
        held = lesions.labels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        counts = np.bincount(held.ravel(), minlength=len(lesions) + 1)[1:]
        found[number] = bool((counts >= HALF * lesions.pixels).any())
    return found
