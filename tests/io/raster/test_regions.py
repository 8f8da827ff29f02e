"""Regions are rescued as by labelling the whole mask."""

import cv2
import numpy as np
import pytest

from mmseg_mammo.io.raster.regions import rescue_regions

SIZES = ((90, 61), (91, 61), (30, 20), (13, 40), (200, 150), (7, 9), (1, 1))


def resize(values, shape):
    return cv2.resize(values, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def rescued_slowly(values, shape):
    """The same on full-size labels, which are resized like the mask."""
    resized = resize(values, shape)
    regions, labels = cv2.connectedComponents((values > 0).astype(np.uint8))
    survives = np.bincount(resize(labels, shape).ravel(), minlength=regions) > 0
    for row, column in np.argwhere((labels > 0) & ~survives[labels]):
        place = tuple(
            (2 * i + 1) * new // (2 * old)
            for i, new, old in zip((row, column), shape, values.shape, strict=True)
        )
        resized[place] = values[row, column]
    return resized


@pytest.mark.parametrize('shape', SIZES)
@pytest.mark.parametrize('density', [0.001, 0.02, 0.3])
def test_it_is_what_labels_of_the_whole_mask_say(shape, density):
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(20):
        values = (rng.random((91, 61)) < density).astype(np.uint8) * 255
        values[20:30, 10:14] = 255
        resized = resize(values, shape)
        before = resized.copy()
        rescue_regions(values, resized)
        np.testing.assert_array_equal(resized, rescued_slowly(values, shape))
        changed += bool((resized != before).any())
    assert changed or shape[0] > 80 or shape == (1, 1)


def test_an_empty_mask_stays_empty():
    resized = np.zeros((3, 3), np.uint8)
    rescue_regions(np.zeros((9, 9), np.uint8), resized)
    assert not resized.any()
