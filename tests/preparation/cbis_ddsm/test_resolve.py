from pathlib import Path

import cv2
import numpy as np
import pytest
from cbis_samples import make_case, uid

from mmseg_mammo.preparation.cbis_ddsm.instance import Instance
from mmseg_mammo.preparation.cbis_ddsm.resolve import (
    UnresolvedError,
    find_crop,
    find_mask,
    has_two_levels,
    lesion_pixels,
    placement_repair,
    shape_repair,
)

SHAPE = (60, 40)


def make_instance(pixels, name='1-1.dcm', series=2, description=''):
    instance = Instance(
        Path('roi', name), pixels.shape, pixels.itemsize * 8, uid(series), description
    )
    instance.pixels = pixels
    return instance


def make_mask(shape=SHAPE, value=255, dtype=np.uint8, corner=20):
    mask = np.zeros(shape, dtype)
    mask[corner : corner + 12, 10:22] = value
    return mask


def make_photograph(shape, dtype=np.uint16):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


CROP = make_instance(make_photograph((24, 22)), '1-2.dcm')


@pytest.mark.parametrize('value, dtype', [(255, np.uint8), (65280, np.uint16), (2, np.uint8)])
@pytest.mark.parametrize('mask_first', [True, False])
def test_the_mask_is_told_by_shape_and_two_values_in_any_order(value, dtype, mask_first):
    mask = make_instance(make_mask(value=value, dtype=dtype))
    pair = [mask, CROP] if mask_first else [CROP, mask]
    assert find_mask(pair, SHAPE) == (mask, 'content')
    assert find_crop(pair, mask) is CROP
    np.testing.assert_array_equal(lesion_pixels(mask.pixels), make_mask() == 255)


@pytest.mark.parametrize('scale', [0.86, 1.149])
def test_a_mask_within_15_percent_of_the_image_is_accepted(scale):
    mask = make_instance(make_mask((round(1000 * scale), round(800 * scale))))
    assert find_mask([CROP, mask], (1000, 800))[0] is mask


@pytest.mark.parametrize('shape', [(840, 800), (1000, 930), (1160, 800)])
def test_a_mask_that_misses_15_percent_on_one_side_is_not(shape):
    with pytest.raises(UnresolvedError) as error:
        find_mask([make_instance(make_mask(shape))], (1000, 800))
    assert error.value.reason == 'mask missing'
    assert f'{shape[0]}×{shape[1]}' in error.value.detail


def test_a_crop_without_a_mask_is_never_taken():
    with pytest.raises(UnresolvedError, match='mask missing'):
        find_mask([CROP], SHAPE)
    with pytest.raises(UnresolvedError, match='mask missing'):
        find_mask([], SHAPE)


def test_instances_of_other_shapes_are_not_decoded():
    unreadable = Instance(Path('no such file.dcm'), (24, 22), 16, uid(2))
    mask = make_instance(make_mask())
    assert find_mask([unreadable, mask], SHAPE)[0] is mask


def test_a_photograph_of_the_shape_of_the_image_is_no_mask():
    with pytest.raises(UnresolvedError, match='undecided'):
        find_mask([make_instance(make_photograph(SHAPE, np.uint8))], SHAPE)


@pytest.mark.parametrize(
    'better, worse, rule',
    [
        (make_mask(), make_mask(dtype=np.uint16, corner=5), '8-bit'),
        (make_mask((62, 41)), make_mask(corner=5), 'larger'),
    ],
)
def test_ties_are_broken_in_order(better, worse, rule):
    pair = [make_instance(worse), make_instance(better)]
    assert find_mask(pair, SHAPE) == (pair[1], rule)


def test_the_series_description_breaks_a_tie():
    mask = make_instance(make_mask(), description='ROI mask images')
    crop = make_instance(make_mask(corner=5), description='cropped images')
    assert find_mask([crop, mask], SHAPE) == (mask, 'series description')


def test_two_different_masks_are_reported_and_copies_are_not():
    first, copy = make_instance(make_mask()), make_instance(make_mask())
    assert find_mask([first, copy], SHAPE) == (first, 'content')
    with pytest.raises(UnresolvedError, match='undecided'):
        find_mask([first, make_instance(make_mask(corner=5))], SHAPE)


def test_jpeg_noise_does_not_hide_two_levels(tmp_path):
    noisy = cv2.imdecode(cv2.imencode('.jpg', make_mask())[1], cv2.IMREAD_UNCHANGED)
    assert len(np.unique(noisy)) > 2
    assert has_two_levels(noisy)
    np.testing.assert_array_equal(lesion_pixels(noisy), make_mask() == 255)


def test_the_soft_rim_of_a_compressed_mask_is_tolerated():
    mask = make_mask((100, 80))
    mask[20, 10:22] = 120  # 12 of 8000 pixels
    assert has_two_levels(mask)
    assert not has_two_levels(mask.astype(np.uint16))


def test_a_few_grey_levels_are_more_than_two():
    levels = make_mask()
    levels[:4] = 120
    assert not has_two_levels(levels)
    assert not has_two_levels(levels.astype(np.uint16) * 257)
    assert has_two_levels(np.zeros(SHAPE, np.uint8))


@pytest.mark.parametrize(
    'mask, image, repair',
    [
        ((4000, 3000), (4000, 3000), ''),
        ((3480, 2610), (4000, 3000), 'uniform scale'),  # 0.870 of each side
        ((4598, 3449), (4000, 3000), 'uniform scale'),  # 1 / 0.870, rounded
        ((4003, 2998), (4000, 3000), 'suspect resize'),  # a few pixels
        ((4004, 3003), (4000, 3000), 'suspect resize'),  # of the same aspect, too
        ((3480, 2800), (4000, 3000), 'suspect resize'),
    ],
)
def test_only_another_resolution_is_a_uniform_scale(mask, image, repair):
    assert shape_repair(mask, image) == repair


def test_the_place_of_the_mask_is_compared_with_the_table():
    case = make_case(mask_file='000001.dcm')
    files = [make_instance(make_mask(), name) for name in ('000000.dcm', '000001.dcm')]
    assert placement_repair(case, files[0], files) == 'file order'
    assert placement_repair(case, files[1], files) == ''
    unnumbered = [make_instance(make_mask(), f'{uid(n)}.dcm') for n in (8, 9)]
    assert placement_repair(case, unnumbered[0], unnumbered) == ''


def test_a_mask_in_the_series_of_the_crop_means_swapped_columns():
    case = make_case(mask=2, crop=3)
    in_mask_series, in_crop_series = (make_instance(make_mask(), series=n) for n in (2, 3))
    assert placement_repair(case, in_mask_series, [in_mask_series]) == 'split series'
    assert placement_repair(case, in_crop_series, [in_crop_series]) == 'columns swapped'


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('peak', [0, 1, 2, 254, 255])
def test_lesion_pixels_are_those_above_half_of_the_maximum(dtype, peak):
    pixels = np.arange(peak + 1, dtype=dtype)[None]
    np.testing.assert_array_equal(lesion_pixels(pixels), pixels > peak / 2)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_third_value_anywhere_is_seen(dtype):
    pixels = np.zeros((97, 40), dtype)
    assert has_two_levels(pixels)
    pixels[40:50] = 100
    assert has_two_levels(pixels)
    pixels[96, 39] = 50  # in a row that no sample takes
    assert not has_two_levels(pixels)
