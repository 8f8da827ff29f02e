"""The path of a mask is the mask, read back by the even-odd rule."""

import re

import numpy as np
import pytest

from mmseg_mammo.visualization.outline import outline


def filled(path: str, shape: tuple[int, int]) -> np.ndarray:
    """Fill by the even-odd rule: every vertical piece flips all pixels to its right."""
    crossings = np.zeros((shape[0], shape[1] + 1), int)
    for part in path.split('M')[1:]:
        x, y = map(int, re.match(r'(\d+) (\d+)', part).groups())
        start = (x, y)
        for kind, step in re.findall(r'([hv])(-?\d+)', part):
            if kind == 'h':
                x += int(step)
            else:
                crossings[min(y, y + int(step)) : max(y, y + int(step)), x] += 1
                y += int(step)
        assert x == start[0], 'the last piece, which z draws, is vertical'
        crossings[min(y, start[1]) : max(y, start[1]), x] += 1
    return np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1


def test_a_pixel_is_a_square_between_its_edges():
    mask = np.zeros((5, 7), bool)
    mask[3, 2] = True
    assert outline(mask) == 'M2 3h1v1h-1z'


def test_an_empty_mask_has_no_path_and_a_full_one_the_frame():
    assert outline(np.zeros((4, 4), bool)) == ''
    assert outline(np.ones((4, 6), bool)) == 'M0 0h6v4h-6z'


def test_a_hole_is_a_path_of_its_own():
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    assert outline(mask).count('M') == 2


@pytest.mark.parametrize('share', [0.02, 0.5, 0.9])
def test_the_filled_path_is_the_mask(share):
    generator = np.random.default_rng(0)
    for shape in ((1, 1), (1, 9), (17, 23)):
        mask = generator.random(shape) < share
        np.testing.assert_array_equal(filled(outline(mask), shape), mask)


def test_regions_that_touch_by_a_corner_stay_two_pixels():
    mask = np.eye(2, dtype=bool)
    np.testing.assert_array_equal(filled(outline(mask), (2, 2)), mask)
