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
    assert (second.left, second.top, second.right, second.bottom) == (20, 10, 50, 20)
    assert (second.x, second.y, second.pixels) == (34.5, 14.5, 300)
    assert second.area_mm2 == 6.0  # rounded as in lesions_test.csv
    assert second.longest_diameter_mm == round(np.hypot(30 * 0.2, 9 * 0.1), 4)


@pytest.mark.parametrize(('row', 'column'), [(0, 0), (0, 202), (96, 0), (96, 202)])
def test_one_pixel_in_a_corner_has_the_size_of_a_pixel(row, column):
    probability = np.zeros((97, 203), np.float32)
    probability[row, column] = 0.9
    (region,) = describe(probability, probability > 0.5, 0.5, (0.2, 0.05)).regions
    assert (region.left, region.top) == (region.x, region.y) == (column, row)
    assert (region.right, region.bottom) == (column + 1, row + 1)
    assert (region.area_mm2, region.longest_diameter_mm) == (0.01, 0.2)


def test_without_spacing_nothing_is_in_mm_and_an_empty_mask_has_no_region():
    probability = np.full((20, 20), 0.7, np.float32)
    (region,) = describe(probability, probability > 0.5, 0.5).regions
    assert (region.area_mm2, region.longest_diameter_mm) == (None, None)
    assert region.pixels == 400
    assert describe(probability, probability > 0.8, 0.8).regions == ()
