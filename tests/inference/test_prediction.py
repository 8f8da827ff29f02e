"""The regions of a prediction."""

import numpy as np
import pytest

from mmseg_mammo.inference.prediction import describe


def test_regions_are_told_by_falling_score_in_pixels_and_mm():
    probability = np.zeros((200, 300), np.float32)
    probability[10:20, 20:50] = 0.6
    probability[100:110, 200:204] = 0.7
    probability[101, 201] = 0.9
    probability[150:160, 10:20] = 0.4  # not enough
    probability[180, 280] = 0.8  # a speck: 1 of 60,000 pixels
    found = describe(probability, probability > 0.5, 0.5, (0.1, 0.2))
    assert found.score == pytest.approx(0.9)
    assert found.mask.sum() == 300 + 40 + 1
    first, second = found.regions
    assert [region.number for region in found.regions] == [1, 2]
    assert (first.score, second.score) == (pytest.approx(0.9), pytest.approx(0.6))
    assert (second.left, second.top, second.right, second.bottom) == (20, 10, 49, 19)
    assert (second.x, second.y, second.pixels) == (34.5, 14.5, 300)
    assert second.area_mm2 == pytest.approx(300 * 0.02)
    assert second.longest_diameter_mm == pytest.approx(np.hypot(29 * 0.2, 10 * 0.1), abs=0.2)


def test_without_spacing_nothing_is_in_mm_and_an_empty_mask_has_no_region():
    probability = np.full((20, 20), 0.7, np.float32)
    (region,) = describe(probability, probability > 0.5, 0.5).regions
    assert (region.area_mm2, region.longest_diameter_mm) == (None, None)
    assert region.pixels == 400
    assert describe(probability, probability > 0.8, 0.8).regions == ()
