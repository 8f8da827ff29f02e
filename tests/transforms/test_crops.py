import numpy as np
import pytest

from mmseg_mammo.transforms.crops import crop_box, crop_side, cut_crop, inside


def test_the_side_follows_share_millimetres_and_extent_within_twice_the_image():
    assert crop_side((1000, 800), 0.25) == 250
    assert crop_side((1000, 800), 0.25, 60.0) == 250  # its spacing is unknown
    assert crop_side((1000, 800), 0.25, 60.0, (200.0, 160.0)) == 300
    # Pixels of 0.2×0.05 mm, as of a stretched image: 0.1 mm in the mean.
    assert crop_side((1000, 800), 0.25, 60.0, (200.0, 40.0)) == 600
    assert crop_side((1000, 800), 0.25, factor=2.0, extent=100.0) == 250
    assert crop_side((1000, 800), 0.25, factor=2.0, extent=200.0) == 400
    assert crop_side((1000, 800), 0.25, factor=2.0, extent=900.0) == 1000
    assert crop_side((1000, 800), 0.25, 1e9, (200.0, 160.0)) == 2000
    assert crop_side((10, 8), 1e-9) == 1


@pytest.mark.parametrize('side', [1, 2, 3, 8, 9])
def test_the_middle_of_a_box_is_nearest_to_the_place(side):
    for place in np.arange(-3, 3, 0.25):
        x0, y0, x1, y1 = crop_box(place, place + 1, side)
        assert (x1 - x0, y1 - y0) == (side, side)
        assert abs((x0 + x1 - 1) / 2 - place) <= 0.5
        assert abs((y0 + y1 - 1) / 2 - place - 1) <= 0.5


def test_beyond_the_image_all_is_black():
    pixels = np.arange(1, 13, dtype=np.uint16).reshape(3, 4)
    found = cut_crop(pixels, (-1, 1, 2, 4))
    assert found.dtype == np.uint16
    assert found.tolist() == [[0, 5, 6], [0, 9, 10], [0, 0, 0]]
    assert not np.shares_memory(cut_crop(pixels, (0, 0, 4, 3)), pixels)
    assert cut_crop(np.ones((3, 4, 3)), (2, 2, 4, 4)).tolist() == [[[1] * 3] * 2, [[0] * 3] * 2]
    for far in ((9, 9, 11, 11), (-9, 0, -7, 2)):
        assert not cut_crop(pixels, far).any()
    assert inside((-1, 1, 2, 4), (3, 4)) == (0, 1, 2, 3)
