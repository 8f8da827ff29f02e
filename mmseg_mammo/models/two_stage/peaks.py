"""Peaks: the places of a probability map where a lesion may be. Pure functions."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mmseg_mammo.models.two_stage.settings import CandidateRule

_SMOOTHING = 0.125  # sigma, as a share of the distance between peaks
_DECIMALS = 9  # of a smoothed probability: what differs less is one plateau
_REGION = 0.5  # of the peak's score: the region around it has more


class Peak(NamedTuple):
    """A place of a map.

    Attributes:
        x: Column, the centre of the left pixel being 0; pixels of the map.
        y: Row.
        score: Smoothed probability there, 0 to 1.
        extent: The longer side of the region around it, in pixels of the map.
    """

    x: float
    y: float
    score: float
    extent: float


def find_peaks(probability: np.ndarray, rule: CandidateRule) -> list[Peak]:
    """The highest places of a map that are far enough from each other, best first.

    They are the local maxima of the map after a Gaussian of an eighth of the distance. Of a plateau
    the pixel nearest to its middle counts; of equal peaks the first in reading order comes first.

    Args:
        probability: H×W, 0 to 1.
        rule: Their number, smallest score and distance.

    >>> grid = np.zeros((20, 20))
    >>> grid[4, 6] = 1
    >>> [(peak.x, peak.y) for peak in find_peaks(grid, CandidateRule(min_score=0.01, distance=0.1))]
    [(6.0, 4.0)]
    """
    distance = rule.distance * max(probability.shape)
    smooth = np.asarray(probability, np.float64)
    if distance > 0:
        smooth = ndimage.gaussian_filter(smooth, _SMOOTHING * distance, mode='nearest')
    smooth = smooth.round(_DECIMALS)
    tops = (smooth == ndimage.maximum_filter(smooth, size=3)) & (smooth >= rule.min_score)
    tops &= smooth > 0
    peaks: list[Peak] = []
    for x, y in _middles(tops, smooth):
        apart = (np.hypot(x - peak.x, y - peak.y) >= distance for peak in peaks)
        if all(apart):
            score = float(smooth[y, x])
            peaks.append(Peak(float(x), float(y), score, _extent(smooth, x, y)))
        if len(peaks) == rule.count:
            break
    return peaks


def _middles(tops: np.ndarray, smooth: np.ndarray) -> list[tuple[int, int]]:
    """One (x, y) of each plateau of ``tops``, by falling height, then in reading order."""
    labels, _ = ndimage.label(tops, structure=np.ones((3, 3)))
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        places = np.argwhere(labels[box] == number)
        off = ((places - places.mean(axis=0)) ** 2).sum(axis=1)
        row, column = places[off.argmin()]
        found.append((int(column) + box[1].start, int(row) + box[0].start))
    return sorted(found, key=lambda place: (-smooth[place[1], place[0]], place[1], place[0]))


def _extent(smooth: np.ndarray, x: int, y: int) -> float:
    labels, _ = ndimage.label(smooth > _REGION * smooth[y, x])
    rows, columns = ndimage.find_objects((labels == labels[y, x]).astype(np.uint8))[0]
    return float(max(rows.stop - rows.start, columns.stop - columns.start))
