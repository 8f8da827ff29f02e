"""Crops: no lesion in one, the whole lesion in the other, equal sides, half of them breast."""

import numpy as np
import pytest

from mmseg_mammo.preparation.lesion_free.boxes import box_of, largest_region, margin_of
from mmseg_mammo.preparation.lesion_free.crops import SHARE, choose_crops

SHAPE = (200, 150)


@pytest.fixture
def breast():
    """The left three quarters."""
    found = np.zeros(SHAPE, bool)
    found[:, :112] = True
    return found


@pytest.fixture
def lesion():
    mask = np.zeros(SHAPE, bool)
    mask[20:40, 30:50] = True
    return mask


def many(breast, lesion, share=SHARE, count=60):
    return [choose_crops(breast, lesion, share, np.random.default_rng(n)) for n in range(count)]


def test_one_has_no_lesion_and_the_other_all_of_it(breast, lesion):
    margin = margin_of(SHAPE)
    for cuts in many(breast, lesion):
        assert not cuts.free.grown(margin, SHAPE).of(lesion).any()
        assert cuts.lesion.holds(box_of(lesion).grown(margin, SHAPE))
        for box in cuts:
            height, width = box.of(breast).shape
            assert height == width == cuts.free.bottom - cuts.free.top
            assert SHARE[0] * 150 - 1 <= height <= SHARE[1] * 150 + 1
            assert box.of(breast).mean() >= 0.5


def test_the_share_of_breast_does_not_tell_them_apart(breast, lesion):
    lesion = np.roll(lesion, 50, axis=1)  # near the skin
    shares = [
        [box.of(breast).mean() for box in cuts] for cuts in many(breast, lesion, (0.35, 0.4), 200)
    ]
    free, held = np.array(shares).T
    assert held.min() < 0.9  # some have film
    assert abs(free - held).mean() < 0.01
    unmatched = np.abs(np.subtract.outer(free, held)).mean()
    assert abs(free - held).mean() < unmatched / 3


def test_they_differ_from_draw_to_draw_and_repeat_themselves(breast, lesion):
    assert len(set(many(breast, lesion))) > 50
    assert many(breast, lesion) == many(breast, lesion)


def test_of_lesions_that_fit_into_no_window_the_largest_is_held(breast, lesion):
    lesion[190:195, 60:65] = True
    for cuts in many(breast, lesion, (0.3, 0.4)):
        assert cuts.lesion.holds(largest_region(lesion))
        assert not cuts.lesion.holds(box_of(lesion))
        assert not cuts.free.of(lesion).any()


def test_without_room_there_is_no_cut(breast, lesion):
    assert set(many(breast, np.ones(SHAPE, bool), count=3)) == {None}
    lesion[:150] = True
    assert set(many(breast, lesion, count=3)) == {None}  # room below, but no window holds it
    assert set(many(np.zeros(SHAPE, bool), np.zeros(SHAPE, bool), count=3)) == {None}


def test_a_normal_image_gives_normal_crops_alone(breast):
    for cuts in many(breast, np.zeros(SHAPE, bool)):
        assert cuts.lesion is None
        assert cuts.free.of(breast).mean() >= 0.5
