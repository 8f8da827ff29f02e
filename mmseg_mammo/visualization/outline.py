"""Mask outlines as vector paths: exact, compact and sharp at any size."""

from collections.abc import Iterator

import cv2
import numpy as np


def outline(mask: np.ndarray) -> str:
    """Trace the border between a mask and its background.

    Args:
        mask: H×W, bool.

    Returns:
        Data of an SVG path, '' for an empty mask. Coordinates are pixel edges, x from 0 to W and y
        from 0 to H, so that one pixel is a square of side 1; filled by the even-odd rule, the path
        covers the pixels of the mask and no others.
    """
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    corners = _corners(mask[top : top + height, left : left + width])
    corners += np.array([top, left])
    across = _partners(corners, (0, 1))  # along a horizontal piece of the border
    down = _partners(corners, (1, 0))
    return ''.join(_subpath(corners[loop]) for loop in _loops(across, down))


def _corners(mask: np.ndarray) -> np.ndarray:
    """C×2 int (y, x): where the border turns. Where two regions touch, it goes straight on."""
    padded = np.pad(mask, 1)
    above, below = padded[:-1], padded[1:]
    return np.argwhere(above[:, :-1] ^ above[:, 1:] ^ below[:, :-1] ^ below[:, 1:])


def _partners(corners: np.ndarray, keys: tuple[int, int]) -> list[int]:
    """For each corner the one at the other end of its straight piece.

    Along any grid line the pieces of the border begin and end at alternate corners.
    """
    order = np.lexsort((corners[:, keys[1]], corners[:, keys[0]])).reshape(-1, 2)
    partner = np.empty(len(corners), int)
    partner[order[:, 0]], partner[order[:, 1]] = order[:, 1], order[:, 0]
    return partner.tolist()


def _loops(across: list[int], down: list[int]) -> Iterator[list[int]]:
    """Closed walks over all corners, each beginning with a horizontal piece."""
    seen = [False] * len(across)
    for start in range(len(across)):
        loop: list[int] = []
        corner = start
        while not seen[corner]:
            for step in (across, down):
                seen[corner] = True
                loop.append(corner)
                corner = step[corner]
        if loop:
            yield loop


def _subpath(loop: np.ndarray) -> str:
    steps = np.diff(loop, axis=0)
    # Pieces alternate: horizontal, vertical, …; the last one closes itself.
    pieces = (f'h{dx}' if index % 2 == 0 else f'v{dy}' for index, (dy, dx) in enumerate(steps))
    return f'M{loop[0, 1]} {loop[0, 0]}{"".join(pieces)}z'
