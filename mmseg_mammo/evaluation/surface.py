"""Surface distances: Hausdorff distance and surface Dice of two masks. Pure functions."""

import cv2
import numpy as np
from scipy.spatial import KDTree

# Share of the image diagonal that an outline may be off: 1.5 mm on a mammogram of 24 × 18 cm.
TOLERANCE = 0.005
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def surface_agreement(
    predicted: np.ndarray, truth: np.ndarray, tolerance: float = TOLERANCE
) -> tuple[float, float]:
    """Compare the outlines of two masks.

    An outline is the pixels of a mask with a neighbour, left, right, above or below, that is not
    in it; the image ends there too. Distances are Euclidean, between pixel centres, from each
    pixel of one outline to the nearest of the other. Definitions as MONAI's
    ``compute_hausdorff_distance(percentile=95)`` and ``compute_surface_dice``; the values for
    masks that share no pixel are ours: MONAI's of empty masks are infinite or NaN and drop out of
    a mean, and those of a false alarm beside a missed lesion are better than of silence.

    Args:
        predicted: H×W bool.
        truth: H×W bool.
        tolerance: Distance at which an outline still counts as met, as a share of the image
            diagonal.

    Returns:
        The 95 % Hausdorff distance in pixels, the larger of both directions; and surface Dice,
        0 to 1, the share of both outlines within the tolerance of the other. 0 pixels and 1.0 if
        both masks are empty; the image diagonal and 0.0 if they share no pixel otherwise: neither
        a missed lesion nor a false alarm, nor both at once, is better than any other answer.

    >>> truth = np.eye(4, dtype=bool)
    >>> surface_agreement(truth, truth)
    (0.0, 1.0)
    """
    diagonal = float(np.hypot(*truth.shape))
    if not (predicted & truth).any():
        return (diagonal, 0.0) if (predicted | truth).any() else (0.0, 1.0)
    distances = _surface_distances(predicted, truth)
    met = np.concatenate(distances) <= tolerance * diagonal
    return _larger_percentile(distances), float(met.mean())


def hausdorff95_mm(
    predicted: np.ndarray, truth: np.ndarray, pixel_size: tuple[float, float] | None
) -> float:
    """The 95 % Hausdorff distance of :func:`surface_agreement` in mm.

    Args:
        predicted: H×W bool.
        truth: H×W bool.
        pixel_size: Height and width of a pixel in mm, which may differ; None where unknown.

    Returns:
        mm; 0 if both masks are empty, the image diagonal in mm if they share no pixel otherwise;
        NaN where the size of a pixel is unknown.

    >>> truth = np.eye(4, dtype=bool)
    >>> hausdorff95_mm(truth, ~truth, pixel_size=(3.0, 4.0))
    20.0
    """
    if pixel_size is None:
        return float('nan')
    if not (predicted & truth).any():
        diagonal = float(np.hypot(*np.multiply(truth.shape, pixel_size)))
        return diagonal if (predicted | truth).any() else 0.0
    return _larger_percentile(_surface_distances(predicted, truth, pixel_size))


def _surface_distances(
    predicted: np.ndarray, truth: np.ndarray, pixel_size: tuple[float, float] = (1.0, 1.0)
) -> list[np.ndarray]:
    """From each pixel of one outline to the other, and the other way round."""
    outlines = [_outline(mask) * np.array(pixel_size) for mask in (predicted, truth)]
    # A tree's cost follows the outlines' length, not the image's size.
    return [KDTree(other).query(one)[0] for one, other in (outlines, outlines[::-1])]


def _larger_percentile(distances: list[np.ndarray]) -> float:
    return float(max(np.percentile(one, 95) for one in distances))


def _outline(mask: np.ndarray) -> np.ndarray:
    """(row, column) of the outline's pixels, N×2."""
    values = mask.astype(np.uint8)
    inside = cv2.erode(values, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.argwhere(values > inside)
