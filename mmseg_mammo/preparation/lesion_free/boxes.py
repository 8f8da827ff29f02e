"""Boxes of an image, and where windows of one size may lie in it. Pure functions.

H, W are height and width in pixels; pixel (0, 0) is the top left.
"""

from typing import NamedTuple

import cv2
import numpy as np

MARGIN = 0.02  # of the shorter side of the image, around a lesion


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of an image, the ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, margin: int, shape: tuple[int, int]) -> 'Box':
        """With a margin all around, as far as the image (H, W) goes."""
        return Box(
            max(0, self.top - margin),
            min(shape[0], self.bottom + margin),
            max(0, self.left - margin),
            min(shape[1], self.right + margin),
        )

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """The pixels (H×W) inside."""
        return pixels[self.top : self.bottom, self.left : self.right]

    def holds(self, other: 'Box') -> bool:
        """Whether another box lies inside."""
        return (
            self.top <= other.top
            and other.bottom <= self.bottom
            and self.left <= other.left
            and other.right <= self.right
        )


class Cuts(NamedTuple):
    """What is cut out of an image: a box without lesion, and one of the same shape that holds it.

    ``lesion`` is None of an image without any.
    """

    free: Box
    lesion: Box | None


def margin_of(shape: tuple[int, int]) -> int:
    """Pixels around a lesion, in an image (H, W), that count as lesion."""
    return max(1, round(MARGIN * min(shape)))


def box_of(mask: np.ndarray) -> Box:
    """The box of all that a mask (H×W bool, not empty) marks."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def largest_region(mask: np.ndarray) -> Box:
    """The box of the largest connected region of a mask (H×W bool, not empty)."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return box_of(labels == 1 + int(facts[1:, cv2.CC_STAT_AREA].argmax()))


def window_sums(mask: np.ndarray, side: int) -> np.ndarray:
    """Pixels that a mask marks in each square window of an image.

    Args:
        mask: H×W bool.
        side: Of the windows, at most the shorter side of the image.

    Returns:
        (H - side + 1)×(W - side + 1) int32, by the top left pixel of the window.

    >>> window_sums(np.eye(3, dtype=bool), 2)
    array([[2, 1],
           [1, 2]], dtype=int32)
    """
    sums = cv2.integral(mask.astype(np.uint8))
    found: np.ndarray = (
        sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    )
    return found


def windows_around(box: Box, side: int, shape: tuple[int, int]) -> np.ndarray:
    """Which square windows of an image hold a box: bool, of the shape of :func:`window_sums`."""
    height, width = shape
    tops, lefts = np.arange(height - side + 1), np.arange(width - side + 1)
    rows = (tops <= box.top) & (tops + side >= box.bottom)
    columns = (lefts <= box.left) & (lefts + side >= box.right)
    return rows[:, None] & columns[None, :]
