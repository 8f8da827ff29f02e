"""Crops: squares of an image in its own pixels, black beyond it. Pure functions.

A box is (x0, y0, x1, y1): its first column and row, and the first ones beyond it.
"""

import numpy as np

from mmseg_mammo.io.spacing import size_on

Box = tuple[int, int, int, int]
Extent = tuple[float, float]


def crop_side(
    shape: tuple[int, int],
    share: float | None,
    mm: float | None = None,
    extent_mm: Extent | None = None,
    factor: float | None = None,
    extent: float = 0.0,
) -> int:
    """The side of a crop, in pixels of the image.

    Args:
        shape: (H, W) of the image.
        share: Of its long side; the side where ``mm`` or the size of the image is unknown.
        mm: Wanted side; where pixels are not square, by the geometric mean of theirs.
        extent_mm: Height and width of the whole image; None is unknown.
        factor: It is at least so many times the ``extent`` of what it is cut around, but not longer
            than the image for that; None: that does not count.
        extent: In pixels.

    Returns:
        1 to twice the long side.

    >>> crop_side((1000, 800), 0.25), crop_side((1000, 800), 0.25, 60, (200, 160)), crop_side((9, 9), 0.5, 3)
    (250, 300, 4)
    """
    long = max(shape)
    side = (share or 1.0) * long
    if mm is not None and extent_mm is not None:
        rows, columns = size_on(extent_mm, shape)
        side = mm / float(np.sqrt(rows * columns))
    if factor is not None:
        side = max(side, min(factor * extent, long))
    return min(max(1, round(side)), 2 * long)


def crop_box(x: float, y: float, side: int) -> Box:
    """The box of ``side`` pixels whose middle is nearest to (x, y), the centre of a pixel.

    >>> crop_box(5, 5, 3), crop_box(0, 0, 4)
    ((4, 4, 7, 7), (-1, -1, 3, 3))
    """
    x0, y0 = (int(np.floor(place - side / 2 + 1)) for place in (x, y))
    return x0, y0, x0 + side, y0 + side


def cut_crop(pixels: np.ndarray, box: Box) -> np.ndarray:
    """What a box holds of H×W or H×W×C pixels, a copy; 0 beyond the image.

    >>> cut_crop(np.ones((2, 2), int), (1, 1, 3, 3)).tolist()
    [[1, 0], [0, 0]]
    """
    x0, y0, x1, y1 = box
    crop = np.zeros((y1 - y0, x1 - x0, *pixels.shape[2:]), pixels.dtype)
    left, top, right, bottom = inside(box, (pixels.shape[0], pixels.shape[1]))
    if right > left and bottom > top:
        crop[top - y0 : bottom - y0, left - x0 : right - x0] = pixels[top:bottom, left:right]
    return crop


def inside(box: Box, shape: tuple[int, int]) -> Box:
    """The part of a box that lies in an image of ``shape`` = (H, W)."""
    x0, y0, x1, y1 = box
    return max(x0, 0), max(y0, 0), min(x1, shape[1]), min(y1, shape[0])
