"""Drawings: turns boxes, polygons and runs of pixels into a bool array. Pure functions.

Coordinates are those of COCO: x to the right, y downward, (0, 0) the outer corner of the top left
pixel and (W, H) that of the last, so that the centre of pixel (row r, column c) is (c + 0.5, r + 0.5).
A pixel is inside where its centre is. H, W are height and width in pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.mask import ASPECT_TOLERANCE, fit_mask

Box = tuple[float, float, float, float]  # x1, y1, x2, y2
Polygon = tuple[tuple[float, float], ...]  # (x, y) of each corner; the last is joined to the first
BEYOND = 1.0  # pixels that a shape may reach beyond its image; some tools count from 1


@dataclass(frozen=True)
class Runs:
    """A mask as COCO's run lengths, column after column, of background and lesion in turn."""

    shape: tuple[int, int]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Drawing:
    """All that was drawn on one image; the lesion is the union.

    Args:
        place: What errors name: a row, or a file and the image in it.
        boxes: Each (x1, y1, x2, y2).
        polygons: Each a sequence of corners.
        runs: Masks as run lengths.
        shape: (H, W) of the image that was drawn on; None for the file as it is.
        finding: What was drawn, terms joined by ``+``; '' where nothing says so.
        fault: Why it cannot be used; '' if it can.
    """

    place: str
    boxes: tuple[Box, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    runs: tuple[Runs, ...] = ()
    shape: tuple[int, int] | None = None
    finding: str = ''
    fault: str = ''

    @property
    def weak(self) -> bool:
        """Whether any of it is a box, which no reader took for the outline of a lesion."""
        return bool(self.boxes)

    def __str__(self) -> str:
        """What it is, for people: its place, and how many shapes of each kind."""
        kinds = {'boxes': self.boxes, 'polygons': self.polygons, 'masks': self.runs}
        told = [f'{kind}: {len(found)}' for kind, found in kinds.items() if found]
        return f'{self.place} ({", ".join(told)})'


def draw(drawing: Drawing, shape: tuple[int, int]) -> np.ndarray:
    """The lesion of a drawing on the grid of its image.

    A drawing on a smaller or larger copy of the image is scaled, corners before pixels.

    Args:
        drawing: The drawing.
        shape: (H, W) of the image.

    Returns:
        H×W bool, with at least one lesion pixel for each shape.

    Raises:
        DataFileError: The drawing is of an image with another aspect ratio; a shape reaches more
            than a pixel beyond it, covers no pixel, or seems to be in fractions of it; or runs do
            not fill their image.

    >>> draw(Drawing('row 2', boxes=((1, 0, 3, 1),)), (2, 4)).astype(int)
    array([[0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    from_shape = drawing.shape or shape
    _check_aspect(drawing.place, from_shape, shape)
    factors = np.array([shape[1] / from_shape[1], shape[0] / from_shape[0]])
    mask = np.zeros(shape, bool)
    corners = [((x1, y1), (x2, y1), (x2, y2), (x1, y2)) for x1, y1, x2, y2 in drawing.boxes]
    for points in (*corners, *drawing.polygons):
        _check_place(drawing.place, points, from_shape)
        _fill(mask, np.asarray(points, float) * factors, drawing.place)
    for runs in drawing.runs:
        mask |= _unroll(runs, shape, drawing.place)
    return mask


def fault_of_box(box: Sequence[float]) -> str:
    """Why (x1, y1, x2, y2) is no box; '' if it is one."""
    x1, y1, x2, y2 = box
    if not np.isfinite(box).all():
        return 'a box of something else than numbers'
    shown = f'a box from x1={x1:g}, y1={y1:g} to x2={x2:g}, y2={y2:g}'
    return '' if x1 < x2 and y1 < y2 else f'{shown}, which holds nothing'


def fault_of_polygon(points: Polygon) -> str:
    """Why corners make no polygon; '' if they do."""
    if len(points) < 3:
        return f'a polygon of {len(points)} corners, which encloses nothing'
    if not np.isfinite(points).all():
        return 'a polygon with corners of something else than numbers'
    return 'a polygon without any area' if (np.ptp(points, axis=0) == 0).any() else ''


def _check_aspect(place: str, ours: tuple[int, int], theirs: tuple[int, int]) -> None:
    stretch = (ours[0] * theirs[1]) / (ours[1] * theirs[0])
    if abs(stretch - 1) > ASPECT_TOLERANCE:
        raise DataFileError(
            f'{place}: drawn on {ours[0]}×{ours[1]} (height×width), its image is '
            f'{theirs[0]}×{theirs[1]}',
            'the same size, or the same aspect ratio within 1 %',
            'The drawing may belong to another image, or to a cropped or turned view of it',
        )


def _check_place(place: str, points: Iterable[Sequence[float]], shape: tuple[int, int]) -> None:
    """Refuse coordinates that cannot be pixels of an image of this (H, W)."""
    low, high = np.min(list(points), axis=0), np.max(list(points), axis=0)
    shown = f'a shape from x={low[0]:g}, y={low[1]:g} to x={high[0]:g}, y={high[1]:g}'
    if (low < -BEYOND).any() or (high > np.array(shape[::-1]) + BEYOND).any():
        raise DataFileError(
            f'{place}: {shown} on an image of width {shape[1]} and height {shape[0]}',
            'pixels of the original image, x before y',
            'It may have been drawn on a resized or cropped view, or on another image',
        )
    if (high <= 1).all() and (high - low < 1).all():
        raise DataFileError(
            f'{place}: {shown} is less than a pixel',
            'pixels of the original image',
            'Fractions of the image have to be multiplied by its width and height',
        )


def _fill(mask: np.ndarray, points: np.ndarray, place: str) -> None:
    """Set the pixels whose centre lies in a polygon, by the even-odd rule.

    Args:
        mask: H×W bool, changed in place. What lies outside is cut off.
        points: N×2 corners, (x, y).
        place: What the error names.
    """
    height, width = mask.shape
    top, bottom = (int(np.clip(f(v), 0, height)) for f, v in _ends(points[:, 1]))
    left, right = (int(np.clip(f(v), 0, width)) for f, v in _ends(points[:, 0]))
    crossings = np.zeros((bottom - top, right - left + 1), np.int32)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        # A row is crossed by an edge if its centre is at or below one end and above the other.
        first, last = (int(np.clip(np.ceil(y - 0.5), top, bottom)) for y in sorted((y1, y2)))
        rows = np.arange(first, last)
        if len(rows):
            x = x1 + (rows + 0.5 - y1) * ((x2 - x1) / (y2 - y1))
            columns = np.clip(np.ceil(x - 0.5), left, right).astype(int)
            np.add.at(crossings, (rows - top, columns - left), 1)
    inside = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    if not inside.any():
        raise DataFileError(
            f'{place}: a shape at x={points[:, 0].mean():g}, y={points[:, 1].mean():g} that covers '
            'the centre of no pixel',
            'shapes of a pixel or more, within the image',
        )
    mask[top:bottom, left:right] |= inside


def _ends(values: np.ndarray) -> tuple[tuple[np.ufunc, float], tuple[np.ufunc, float]]:
    return (np.floor, float(values.min())), (np.ceil, float(values.max()))


def _unroll(runs: Runs, shape: tuple[int, int], place: str) -> np.ndarray:
    counts = np.asarray(runs.counts, np.int64)
    if (counts < 0).any() or counts.sum() != runs.shape[0] * runs.shape[1]:
        raise DataFileError(
            f'{place}: runs of {counts.sum()} pixels for {runs.shape[0]}×{runs.shape[1]}',
            'runs (RLE) that fill their image, column after column',
        )
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return fit_mask(values.reshape(runs.shape, order='F'), shape, place)
