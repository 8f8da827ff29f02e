"""Crops: square windows of an image, one without lesion and one that holds it. Pure functions."""

import cv2
import numpy as np

from mmseg_mammo.preparation.lesion_free.boxes import (
    Box,
    Cuts,
    box_of,
    largest_region,
    margin_of,
    window_sums,
    windows_around,
)

SHARE = (0.35, 0.6)
BREAST = 0.5  # of a window, at least
_SIDES = 20  # that are tried
_CHOICE = 64  # windows of either kind, of which the two are taken that are most alike


def choose_crops(
    breast: np.ndarray, lesion: np.ndarray, share: tuple[float, float], rng: np.random.Generator
) -> Cuts | None:
    """Square windows of one side, each at least half breast: one without lesion, one with it.

    The side is drawn until there are both. They so have the same sizes over any number of images;
    and of some windows of either kind the two are taken whose shares of breast are nearest, so that
    black film does not tell them apart.

    Args:
        breast: H×W bool.
        lesion: H×W bool; where it is empty, only a window without lesion is asked for.
        share: Least and largest side of a window, of the shorter side of the image.
        rng: Source of the choice.

    Returns:
        None where no window fits.
    """
    shape = (breast.shape[0], breast.shape[1])
    margin = margin_of(shape)
    ill = bool(lesion.any())
    near = cv2.dilate(lesion.astype(np.uint8), np.ones((2 * margin + 1,) * 2, np.uint8)) > 0
    parts = (box_of(lesion), largest_region(lesion)) if ill else ()
    boxes = [part.grown(margin, shape) for part in parts]
    for _ in range(_SIDES):
        side = max(1, round(rng.uniform(*share) * min(shape)))
        of_breast = window_sums(breast, side)
        fit = of_breast >= BREAST * side * side
        free = np.argwhere(fit & (window_sums(near, side) == 0))
        held = _holding(boxes, fit, side, shape)
        if not len(free) or (ill and not len(held)):
            continue
        some = free[rng.integers(len(free), size=_CHOICE)]
        if not ill:
            return Cuts(_window(some[0], side), None)
        others = held[rng.integers(len(held), size=_CHOICE)]
        away = np.subtract.outer(of_breast[tuple(some.T)], of_breast[tuple(others.T)])
        one, other = np.unravel_index(np.abs(away).argmin(), away.shape)
        return Cuts(_window(some[one], side), _window(others[other], side))
    return None


def _holding(boxes: list[Box], fit: np.ndarray, side: int, shape: tuple[int, int]) -> np.ndarray:
    """Windows with all lesions or, where these do not fit into one, with the largest."""
    for box in boxes:
        found = np.argwhere(fit & windows_around(box, side, shape))
        if len(found):
            return found
    return np.zeros((0, 2), int)


def _window(place: np.ndarray, side: int) -> Box:
    top, left = map(int, place)
    return Box(top, top + side, left, left + side)
