"""Sides: the rows of an image above or below its lesion, and as many rows with it. Pure functions."""

import numpy as np

from mmseg_mammo.preparation.lesion_free.boxes import Box, Cuts, box_of, margin_of

SHARE = (0.3, 0.9)
BREAST = 0.2  # of all of the breast, at least in the rows without lesion
_INNER = 0.85  # of the rows without lesion, where the cut is to have two edges


def choose_sides(
    breast: np.ndarray, lesion: np.ndarray, share: tuple[float, float], rng: np.random.Generator
) -> Cuts | None:
    """Rows without lesion, and as many rows with it; all else of the image is meant to be blackened.

    The rows above the lesion or those below it, whichever have more breast. Both cuts end at a
    border of the image, or neither does: else the number of edges would tell them apart. Where rows
    that end at a border cannot hold the lesion, because it lies in the middle, the cuts are strips
    inside of the image.

    Args:
        breast: H×W bool.
        lesion: H×W bool; where it is empty, only rows without lesion are asked for.
        share: Least and largest number of rows, of the height of the image.
        rng: Source of the choice.

    Returns:
        Boxes of the width of the image; None where none fit.
    """
    height, width = breast.shape
    least, most = (round(part * height) for part in share)
    if not lesion.any():
        count = int(rng.integers(least, most + 1))
        top = int(rng.integers(2)) * (height - count)
        return Cuts(_rows(top, count, width), None)
    ill = box_of(lesion).grown(margin_of((height, width)), (height, width))
    above = breast[: ill.top].sum() >= breast[ill.bottom :].sum()
    count = min(most, ill.top if above else height - ill.bottom)
    if count < least:
        return None
    free = _rows(0 if above else height - count, count, width)
    if free.of(breast).sum() < BREAST * breast.sum():
        return None
    held = _rows(height - count if above else 0, count, width)
    if held.top <= ill.top and ill.bottom <= held.bottom:
        return Cuts(free, held)
    return _strips(free, ill, height, rng)


def _strips(free: Box, ill: Box, height: int, rng: np.random.Generator) -> Cuts | None:
    """Strips that end at no border of the image: inside of ``free``, and around ``ill``."""
    count = round(_INNER * (free.bottom - free.top))
    first, last = max(1, ill.bottom - count), min(ill.top, height - count - 1)
    room = free.bottom - free.top - count
    if first > last or room < 2:
        return None
    top = free.top + int(rng.integers(1, room))
    held = int(rng.integers(first, last + 1))
    return Cuts(_rows(top, count, free.right), _rows(held, count, free.right))


def _rows(top: int, count: int, width: int) -> Box:
    return Box(top, top + count, 0, width)
