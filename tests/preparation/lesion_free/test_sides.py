"""Sides: the larger one beside the lesion, equal heights, equal edges."""

import numpy as np
import pytest

from mmseg_mammo.preparation.lesion_free.boxes import box_of, margin_of
from mmseg_mammo.preparation.lesion_free.sides import SHARE, choose_sides

SHAPE = (200, 100)
BREAST = np.ones(SHAPE, bool)


def lesion_at(top, bottom):
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, 40:50] = True
    return mask


def choose(lesion, share=SHARE, seed=0, breast=BREAST):
    return choose_sides(breast, lesion, share, np.random.default_rng(seed))


def edges(box):
    return (box.top > 0) + (box.bottom < SHAPE[0])


def test_a_lesion_above_leaves_what_is_below():
    cuts = choose(lesion_at(30, 50))
    assert cuts.free == (52, 200, 0, 100)  # a margin of two rows
    assert cuts.lesion == (0, 148, 0, 100)
    cuts = choose(lesion_at(150, 170))
    assert cuts.free == (0, 148, 0, 100)
    assert cuts.lesion == (52, 200, 0, 100)


def test_the_share_bounds_the_rows():
    cuts = choose(lesion_at(30, 50), (0.3, 0.6))
    assert cuts.free == (80, 200, 0, 100)
    assert cuts.lesion == (0, 120, 0, 100)
    assert choose(lesion_at(30, 50), (0.75, 0.9)) is None
    assert choose(lesion_at(2, 198)) is None


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('top', [5, 60, 85, 97, 120, 170])
def test_the_edges_do_not_tell_them_apart(top, seed):
    lesion = lesion_at(top, top + 20)
    cuts = choose(lesion, seed=seed)
    ill = box_of(lesion).grown(margin_of(SHAPE), SHAPE)
    assert cuts.lesion.holds(ill._replace(left=0, right=100))
    assert not cuts.free.grown(margin_of(SHAPE), SHAPE).of(lesion).any()
    free, held = cuts
    assert free.bottom - free.top == held.bottom - held.top
    assert edges(free) == edges(held)
    middle = 85 <= top <= 97
    assert edges(free) == (2 if middle else 1)


def test_the_side_with_more_breast_is_left():
    breast = BREAST.copy()
    breast[:120] = False
    assert choose(lesion_at(130, 140), breast=breast, share=(0.2, 0.9)).free.top > 130
    breast[150:] = False  # what is left then is too little
    breast[125:142] = True
    assert choose(lesion_at(126, 140), breast=breast) is None


def test_a_lesion_in_the_middle_that_no_strip_holds_is_left_out():
    assert choose(lesion_at(60, 130)) is None


def test_a_normal_image_ends_above_or_below():
    found = [choose(lesion_at(0, 0), seed=seed) for seed in range(40)]
    assert {cuts.lesion for cuts in found} == {None}
    heights = [cuts.free.bottom - cuts.free.top for cuts in found]
    assert min(heights) >= 60
    assert max(heights) <= 180
    assert len(set(heights)) > 20
    assert {edges(cuts.free) for cuts in found} == {1}
    assert {cuts.free.top == 0 for cuts in found} == {True, False}
