"""Boxes and windows, beside a count of every pixel."""

import numpy as np

from mmseg_mammo.preparation.lesion_free.boxes import (
    Box,
    box_of,
    largest_region,
    margin_of,
    window_sums,
    windows_around,
)


def test_sums_of_windows_are_those_of_their_pixels():
    mask = np.random.default_rng(0).random((9, 7)) > 0.6
    expected = [[mask[r : r + 3, c : c + 3].sum() for c in range(5)] for r in range(7)]
    assert window_sums(mask, 3).tolist() == np.array(expected).tolist()
    assert window_sums(mask, 7).tolist() == [[mask[r : r + 7].sum()] for r in range(3)]


def test_windows_around_a_box_hold_it():
    box = Box(3, 6, 2, 4)
    found = windows_around(box, 4, (9, 7))
    for top in range(6):
        for left in range(4):
            assert found[top, left] == Box(top, top + 4, left, left + 4).holds(box)
    assert found.sum() == 2 * 3
    assert not windows_around(box, 2, (9, 7)).any()


def test_a_box_grows_as_far_as_the_image_goes():
    assert Box(1, 4, 2, 5).grown(2, (5, 9)) == (0, 5, 0, 7)


def test_the_box_of_a_mask_and_that_of_its_largest_region():
    mask = np.zeros((12, 10), bool)
    mask[1, 8] = True
    mask[4:7, 1:5] = True
    assert box_of(mask) == (1, 7, 1, 9)
    assert largest_region(mask) == (4, 7, 1, 5)
    assert Box(4, 7, 1, 5).of(mask).all()


def test_a_margin_is_never_nothing():
    assert margin_of((10, 2000)) == 1
    assert margin_of((800, 1200)) == 16
