"""Regions of a mask that was resized: none of them vanishes. Pure functions.

H, W are height and width in pixels; pixel (0, 0) is the top left.
"""

import cv2
import numpy as np


def rescue_regions(values: np.ndarray, resized: np.ndarray) -> None:
    """Mark regions that nearest neighbour dropped whole.

    Only the box around all regions is looked at: of a large image it is a small part.

    Args:
        values: H×W uint8, 0 is background.
        resized: H'×W' uint8, ``values`` by ``cv2.INTER_NEAREST_EXACT``. Changed in place: each pixel
            of a connected region that it lacks marks the pixel that its centre falls into.
    """
    left, top, width, height = cv2.boundingRect(values)
    if not width:
        return
    box = values[top : top + height, left : left + width]
    regions, labels = cv2.connectedComponents((box > 0).astype(np.uint8))
    rows = _taken(values.shape[0], resized.shape[0], top, height)
    columns = _taken(values.shape[1], resized.shape[1], left, width)
    kept = labels[np.ix_(rows, columns)]
    survives = np.bincount(kept.ravel(), minlength=regions) > 0
    if survives[1:].all():
        return
    lost = np.nonzero((labels > 0) & ~survives[labels])
    places = tuple(
        (2 * (index + start) + 1) * new // (2 * old)
        for index, start, new, old in zip(
            lost, (top, left), resized.shape, values.shape, strict=True
        )
    )
    resized[places] = box[lost]


def _taken(old: int, new: int, start: int, length: int) -> np.ndarray:
    """Rows, or columns, that nearest neighbour takes from a stretch, counted from its start."""
    every = np.arange(old, dtype=np.int32)[None]
    taken = cv2.resize(every, (new, 1), interpolation=cv2.INTER_NEAREST_EXACT)[0] - start
    found: np.ndarray = taken[(taken >= 0) & (taken < length)]
    return found
