"""Connected components: the lesions of a true mask, the detections of a model. Pure functions."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.distance import pdist

# Share of the grid: one pixel of the thesis's 224 × 224, or 1 mm across on 24 × 18 cm.
SPECK = 2e-5
FLOOR = 0.1


@dataclass(frozen=True)
class Regions:
    """N connected components of one grid, numbered from 1.

    Attributes:
        labels: H×W int32, the number of the region, 0 outside.
        pixels: N int, areas.
        boxes: N×4 int: left, top, width, height.
        centres: N×2 float: x and y of the centroid; pixel centres are whole numbers.
    """

    labels: np.ndarray
    pixels: np.ndarray
    boxes: np.ndarray
    centres: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def select(self, chosen: np.ndarray) -> 'Regions':
        """The components that ``chosen``, N bool, is true for, numbered anew in their order."""
        if chosen.all():
            return self
        numbers = np.zeros(len(self) + 1, np.int32)
        numbers[1:][chosen] = np.arange(1, chosen.sum() + 1)
        parts = (part[chosen] for part in (self.pixels, self.boxes, self.centres))
        return Regions(numbers[self.labels], *parts)

    def concatenate(self, others: 'Regions') -> 'Regions':
        """These components and, numbered after them, others of the grid that share no pixel."""
        if not len(others):
            return self
        labels = self.labels + others.labels  # one of both is 0
        np.add(labels, np.int32(len(self)), out=labels, where=others.labels > 0)
        pairs = (
            (getattr(self, name), getattr(others, name)) for name in ('pixels', 'boxes', 'centres')
        )
        return Regions(labels, *map(np.concatenate, pairs))


def find_regions(mask: np.ndarray) -> Regions:
    """8-connected components of an H×W bool mask.

    >>> find_regions(np.array([[True, False, True], [False, False, True]])).pixels.tolist()
    [1, 2]
    """
    values = mask.astype(np.uint8)
    left, top, width, height = cv2.boundingRect(values)
    inside = np.s_[top : top + max(height, 1), left : left + max(width, 1)]
    _, found, stats, centres = cv2.connectedComponentsWithStats(values[inside], connectivity=8)
    labels = np.zeros(mask.shape, np.int32)
    labels[inside] = found
    *box, area = range(5)  # the order of cv2's statistics: left, top, width, height, area
    boxes = stats[1:, box] + np.array([left, top, 0, 0])
    return Regions(labels, stats[1:, area], boxes, centres[1:] + np.array([left, top]))


def longest_diameter(mask: np.ndarray, pixel_size: tuple[float, float] = (1.0, 1.0)) -> float:
    """The largest distance between two points of a region's edge, as a reader measures it.

    The edge runs through the middles of the sides of pixels (marching squares, as in
    scikit-image's ``feret_diameter_max`` and PyRadiomics): a row of n pixels is n long, not n − 1.

    Args:
        mask: H×W bool; of several regions the distance across all.
        pixel_size: Height and width of a pixel, in the unit of the result.

    Returns:
        0.0 for an empty mask.

    >>> longest_diameter(np.ones((1, 5), bool)), longest_diameter(np.ones((1, 5), bool), (1, 0.5))
    (5.0, 2.5)
    """
    if not mask.any():
        return 0.0
    # The farthest points lie on the convex hull, which a stretched grid stretches along. The hull
    # of the edge is that of the centres, widened by half a pixel in four directions.
    hull = cv2.convexHull(np.argwhere(mask).astype(np.int32))[:, 0]
    steps = np.array([[-0.5, 0], [0.5, 0], [0, -0.5], [0, 0.5]])
    points = (hull[:, None] + steps).reshape(-1, 2) * np.array(pixel_size)
    return float(pdist(points).max())


def find_lesions(truth: np.ndarray, speck: float = SPECK) -> Regions:
    """The lesions of a true mask, without specks; the largest one is kept whatever its size.

    Args:
        truth: H×W bool.
        speck: Largest area that is not a lesion, as a share of the grid. Outlines drawn by
            readers have such crumbs: 40 of 812 components in CDD-CESM.

    >>> len(find_lesions(np.array([[True, False, True, True]]), speck=0.25))
    1
    """
    found = find_regions(truth)
    largest = found.pixels == found.pixels.max(initial=0)
    return found.select(largest | (found.pixels > speck * truth.size))


def find_detections(
    probability: np.ndarray, predicted: np.ndarray, floor: float = FLOOR, speck: float = SPECK
) -> tuple[Regions, np.ndarray, int]:
    """The connected components that a model marks, and those it would mark at a lower threshold.

    First come the regions of the predicted mask, scored by the highest probability in them;
    then those above ``floor`` that hold none of the first, scored by the highest probability
    that was not enough to be marked. So a score above the model's threshold always belongs to
    its mask, and raising or lowering a threshold on scores leaves out or adds whole regions.

    Args:
        probability: H×W float.
        predicted: H×W bool, the thresholded probability.
        floor: Probability up to which nothing is a detection.
        speck: Largest area that is not one, as a share of the grid.

    Returns:
        D regions; D scores, float, 0 to 1; how many of them, the first, are of the mask.

    >>> probability = np.array([[0.9, 0.0, 0.3]])
    >>> regions, scores, marked = find_detections(probability, probability > 0.5)
    >>> scores.tolist(), marked
    ([0.9, 0.3], 1)
    """
    marked, around = (
        found.select(found.pixels > speck * predicted.size)
        for found in map(find_regions, (predicted, predicted | (probability > floor)))
    )
    alone = np.ones(len(around) + 1, bool)
    alone[around.labels[marked.labels > 0]] = False
    faint = around.select(alone[1:])
    found = marked.concatenate(faint)
    scored = (marked.labels > 0) | ((faint.labels > 0) & ~predicted)
    scores = np.zeros(len(found) + 1)
    np.maximum.at(scores, found.labels[scored], probability[scored])
    return found, scores[1:], len(marked)
