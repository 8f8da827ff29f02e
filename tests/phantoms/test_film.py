"""Marks of a scanned film."""

import numpy as np
import pytest
from scipy.ndimage import label

from mmseg_mammo.phantoms.film import add_film

SHAPE = (240, 160)
SEEDS = range(40)


def film(seed, laterality='LEFT', view='CC', image=None):
    image = np.full(SHAPE, 0.1, np.float32) if image is None else image
    return add_film(np.random.default_rng(seed), image, laterality, view)


def outer(picture, laterality):
    """Away from the chest wall, below the border: where the label is."""
    part = picture[8:60]
    return part[:, SHAPE[1] // 2 : -4] if laterality == 'LEFT' else part[:, 4 : SHAPE[1] // 2]


def test_only_marks_are_added_and_the_picture_is_not_changed():
    picture = np.random.default_rng(0).random(SHAPE).astype(np.float32) * 0.3
    before = picture.copy()
    for seed in SEEDS:
        found = film(seed, image=picture)
        np.testing.assert_array_equal(picture, before)
        assert (found.shape, found.dtype) == (SHAPE, np.float32)
        assert 0 <= found.min() <= found.max() <= 1
        assert (found == picture).mean() > 0.8


def test_the_same_generator_draws_the_same_film_and_another_another():
    np.testing.assert_array_equal(film(0), film(0))
    assert (film(0) != film(1)).any()


@pytest.mark.parametrize('laterality', ['LEFT', 'RIGHT'])
def test_the_label_is_in_the_outer_upper_corner(laterality):
    other = 'RIGHT' if laterality == 'LEFT' else 'LEFT'
    marked = [
        [(outer(film(seed, laterality), side) > 0.25).mean() for side in (laterality, other)]
        for seed in SEEDS
    ]
    there, elsewhere = np.mean(marked, axis=0)
    assert there > 10 * elsewhere
    assert np.mean(np.array(marked)[:, 0] > 0.005) > 0.8  # partly off the film, now and then


def test_the_label_names_side_and_view():
    """Where nothing is turned or cut the letters differ, and nothing else does."""
    for seed in SEEDS:
        one, other = film(seed, view='CC'), film(seed, view='ML')
        rows, _ = np.nonzero(one != other)
        assert rows.size == 0 or rows.max() < 0.35 * SHAPE[0]
    assert any((film(seed, view='CC') != film(seed, view='ML')).any() for seed in SEEDS)


def test_white_borders_reach_the_edge_of_the_scan():
    """What the scanner saw beside the film is one white frame, or parts of one, at the border."""
    found = 0
    for seed in SEEDS:
        areas, count = label(film(seed) == 1)
        for number in range(1, count + 1):
            rows, columns = np.nonzero(areas == number)
            found += 1
            assert (
                min(rows.min(), columns.min()) == 0
                or rows.max() == SHAPE[0] - 1
                or columns.max() == SHAPE[1] - 1
            )
    assert found > len(SEEDS)


def test_three_chest_walls_in_ten_or_more_have_no_border():
    """Drawn with a chance of 35 %; on the other side 75 %."""
    sides = np.array([[(film(seed)[60:180, c] == 1).any() for c in (0, -1)] for seed in range(200)])
    wall, outside = 1 - sides.mean(axis=0)
    assert wall == pytest.approx(0.35, abs=0.12)
    assert outside == pytest.approx(0.75, abs=0.12)
