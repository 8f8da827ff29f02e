"""Augmentation: masks follow their images, small lesions survive, bit depths stay."""

import cv2
import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import MammoError
from mmseg_mammo.transforms.augmentation import (
    RandomIntensity,
    RandomLesionAffine,
    affine_matrix,
    change_intensity,
    warp,
)


def picture(dtype=np.uint16):
    image = np.random.default_rng(0).integers(1, np.iinfo(dtype).max, (40, 32)).astype(dtype)
    return np.repeat(image[..., None], 3, axis=-1)


def test_no_motion_changes_nothing():
    image, mask = picture(), np.zeros((40, 32), np.uint8)
    mask[5:9, 7:20] = 1
    moved, moved_mask = warp(image, mask, affine_matrix((40, 32), 0, 1, (0, 0)))
    assert np.array_equal(moved, image)
    assert np.array_equal(moved_mask, mask)


def test_a_shift_moves_image_and_mask_alike():
    """A tenth of 40 rows and a quarter of 32 columns: 4 down, 8 to the right."""
    image, mask = picture(), np.zeros((40, 32), np.uint8)
    mask[5, 7] = 1
    moved, moved_mask = warp(image, mask, affine_matrix((40, 32), 0, 1, (0.1, 0.25)))
    assert np.array_equal(moved[4:, 8:], image[:-4, :-8])
    assert np.argwhere(moved_mask).tolist() == [[9, 15]]
    assert not moved[:4].any()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_an_image_is_interpolated_bilinearly(dtype):
    """Half a pixel to the right and a quarter down: means of neighbours, with these weights."""
    grey = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (40, 32)).astype(dtype)
    moved, _ = warp(grey, None, affine_matrix((40, 32), 0, 1, (0.25 / 40, 0.5 / 32)))
    levels = grey.astype(float)
    across = (levels[:, 1:] + levels[:, :-1]) / 2
    expected = 0.75 * across[1:] + 0.25 * across[:-1]
    assert np.abs(moved[1:, 1:] - expected).max() <= 1


@pytest.mark.parametrize('shift', [(0.0, 0.0), (0.3 / 64, 0.6 / 64), (-1.4 / 64, 2.5 / 64)])
@pytest.mark.parametrize(('degrees', 'scale'), [(0, 1.13), (11, 1), (-14.7, 0.83), (5, 1.4)])
def test_the_mask_is_where_its_image_is_to_a_part_of_a_pixel(degrees, scale, shift):
    """A lesion that is all white: the mask is where it covers more than half of a pixel."""
    rows, columns = np.mgrid[:64, :64]
    mask = (((rows - 30) / 14) ** 2 + ((columns - 33) / 9) ** 2 <= 1).astype(np.uint8)
    matrix = affine_matrix((64, 64), degrees, scale, shift)
    image, moved = warp(mask.astype(np.uint16) * 65535, mask, matrix)
    clear = np.abs(image.astype(int) - 32768) > 300
    assert (moved == (image > 32768))[clear].all()
    assert clear.mean() > 0.98
    inverse = cv2.invertAffineTransform(matrix)
    x, y = np.einsum('ij,jrc->irc', inverse, np.stack([columns, rows, np.ones((64, 64))]))
    distance = np.sqrt(((y - 30) / 14) ** 2 + ((x - 33) / 9) ** 2)
    assert moved[distance < 0.93].all()
    assert not moved[distance > 1.07].any()


def test_a_turn_is_counter_clockwise_around_the_centre():
    image = np.zeros((33, 33), np.uint8)
    image[16, 30] = 255  # right of the centre
    moved, _ = warp(image, None, affine_matrix((33, 33), 90, 1, (0, 0)))
    assert np.argwhere(moved > 200).tolist() == [[2, 16]]  # above it


def test_the_width_is_compressed_around_the_centre_before_the_turn():
    """Half the width: 30 columns right of the centre become 15; turned, they are above it."""
    image = np.zeros((65, 65), np.uint8)
    image[32, 62] = image[12, 32] = 255
    moved, _ = warp(image, None, affine_matrix((65, 65), 0, 1, (0, 0), 0.5))
    assert np.argwhere(moved > 100).tolist() == [[12, 32], [32, 47]]
    moved, _ = warp(image, None, affine_matrix((65, 65), 90, 1, (0, 0), 0.5))
    assert np.argwhere(moved > 100).tolist() == [[17, 32], [32, 12]]


def test_aspects_are_drawn_between_their_bounds_and_reach_them():
    step, image = RandomLesionAffine(prob=1, degrees=0, scale=(1, 1), shift=0), picture(np.uint8)
    step.aspect = (0.5, 1.0)
    image[:] = 200
    np.random.seed(0)
    widths = [(step({'img': image})['img'][20, :, 0] > 100).sum() for _ in range(200)]
    assert {16, 17} & set(widths)
    assert 32 in widths
    assert min(widths) >= 16
    assert np.median(widths) == pytest.approx(32 * np.sqrt(0.5), abs=1.5)  # log-uniformly


def test_no_aspect_is_to_the_bit_and_to_the_random_number_what_it_was():
    mask = np.zeros((40, 32), np.uint8)
    mask[5:9, 7:20] = 1
    np.random.seed(3)
    found = RandomLesionAffine(prob=1)({'img': picture(), 'gt_seg_map': mask})
    left = np.random.random()
    np.random.seed(3)
    np.random.random()
    degrees = np.random.uniform(-15, 15)
    scale = float(np.exp(np.random.uniform(*np.log((0.8, 1.25)))))
    matrix = affine_matrix((40, 32), degrees, scale, tuple(np.random.uniform(-0.05, 0.05, 2)))
    image, moved = warp(picture(), mask, matrix)
    assert np.array_equal(found['img'], image)
    assert np.array_equal(found['gt_seg_map'], moved)
    assert np.random.random() == left


@pytest.mark.parametrize('aspect', [(0, 1), (1, 0.5), (-1, 1)])
def test_an_aspect_that_means_nothing_is_refused(aspect):
    with pytest.raises(MammoError, match=r'aspect=.* of RandomLesionAffine'):
        RandomLesionAffine(aspect=aspect)


@pytest.mark.parametrize('scale', [0.3, 0.5, 0.8])
@pytest.mark.parametrize('degrees', [0, 7, 33])
def test_the_smallest_lesion_survives_shrinking(scale, degrees):
    mask = np.zeros((64, 64), np.uint8)
    mask[30, 25] = mask[40, 40] = 1
    _, moved = warp(mask, mask, affine_matrix((64, 64), degrees, scale, (0.01, 0.013)))
    assert moved.dtype == np.uint8
    assert moved.sum() == 2


def test_a_lesion_outside_is_gone_and_an_empty_mask_stays_empty():
    mask = np.zeros((64, 64), np.uint8)
    assert not warp(mask, mask, affine_matrix((64, 64), 10, 1, (0, 0)))[1].any()
    mask[:2, :2] = 1
    assert not warp(mask, mask, affine_matrix((64, 64), 0, 1, (-0.5, 0)))[1].any()


def test_intensity_by_hand():
    """0.25 ** 0.5 = 0.5 and 1: mean 0.75; contrast 0.5: 0.625, 0.875; brightness 0.1."""
    image = np.array([[16384, 65535]], np.uint16)
    changed = change_intensity(image, gamma=0.5, contrast=0.5, brightness=0.1)
    assert changed.dtype == np.uint16
    assert changed / 65535 == pytest.approx(np.array([[0.725, 0.975]]), abs=1e-4)


def test_intensity_without_change_and_black_stay():
    image = picture()
    assert np.array_equal(change_intensity(image, 1, 1, 0), image)
    image[:9] = 0
    assert not change_intensity(image, 0.7, 1.2, 0.1)[:9].any()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('name', ['RandomIntensity', 'RandomLesionAffine'])
def test_the_registered_steps_keep_dtype_and_shape_and_binary_masks(name, dtype):
    np.random.seed(0)
    step = TRANSFORMS.build(dict(type=name, prob=1.0))
    mask = np.zeros((40, 32), np.uint8)
    mask[10:30, 10:20] = 1
    found = step({'img': picture(dtype), 'gt_seg_map': mask.copy()})
    assert found['img'].dtype == dtype
    assert found['img'].shape == (40, 32, 3)
    assert not np.array_equal(found['img'], picture(dtype))
    assert (found['img'][..., 0] == found['img'][..., 2]).all()
    assert set(np.unique(found['gt_seg_map'])) == {0, 1}
    assert np.array_equal(found['gt_seg_map'], mask) == (name == 'RandomIntensity')


@pytest.mark.parametrize('step', [RandomIntensity(prob=0), RandomLesionAffine(prob=0)])
def test_probability_zero_changes_nothing(step):
    found = step({'img': picture(), 'gt_seg_map': np.ones((40, 32), np.uint8)})
    assert np.array_equal(found['img'], picture())
    assert found['gt_seg_map'].all()


def test_images_without_a_mask_are_moved_too():
    assert 'gt_seg_map' not in RandomLesionAffine(prob=1)({'img': picture()})


def test_the_mask_of_an_image_label_stays_ignored_everywhere():
    step = TRANSFORMS.build(dict(type='RandomLesionAffine', prob=1.0, shift=0.3))
    label = {'annotated': 'lesion', 'mask_kind': 'image-label'}
    found = step({'img': picture(), 'gt_seg_map': np.full((40, 32), 255, np.uint8), **label})
    assert (found['gt_seg_map'] == 255).all()


def plain_intensity(image, gamma, contrast, brightness):
    """Pixel by pixel, without a table of levels."""
    top = np.iinfo(image.dtype).max
    level = (image.astype(np.float32) / top) ** gamma
    mean = float(level.mean())
    changed = (level - mean) * contrast + mean + brightness
    changed[image == 0] = 0
    return np.rint(changed.clip(0, 1) * top).astype(image.dtype)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('shape', [(9, 11), (224, 224), (300, 401)])
def test_a_table_of_levels_changes_no_bit(dtype, shape):
    rng = np.random.default_rng(1)
    for _ in range(6):
        image = rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
        numbers = rng.uniform(0.7, 1.5), rng.uniform(0.8, 1.2), rng.uniform(-0.1, 0.1)
        assert np.array_equal(change_intensity(image, *numbers), plain_intensity(image, *numbers))


@pytest.mark.parametrize('strides', ['three', 'one'])
def test_a_step_on_one_channel_is_to_the_bit_that_on_three_equal_ones(strides):
    """The float32 sum of each level three times rounds otherwise than that of each once."""
    rng = np.random.default_rng(2)
    step, apart = RandomIntensity(prob=1), 0
    for seed in range(20):
        grey = rng.integers(0, 65535, (224, 200), np.uint16, endpoint=True)
        three = np.repeat(grey[..., None], 3, axis=-1)
        given = three if strides == 'three' else np.broadcast_to(grey[..., None], three.shape)
        np.random.seed(seed)
        found = step({'img': given})['img']
        np.random.seed(seed)
        np.random.random()
        gamma = float(np.exp(np.random.uniform(*np.log(step.gamma))))
        contrast = 1 + np.random.uniform(-step.contrast, step.contrast)
        brightness = np.random.uniform(-step.brightness, step.brightness)
        expected = plain_intensity(three, gamma, contrast, brightness)
        assert np.array_equal(found, expected)
        once = plain_intensity(grey, gamma, contrast, brightness)
        apart += not np.array_equal(once, expected[..., 0])
    assert apart  # else this could not fail


def plain_warp_of_mask(mask, matrix):
    """One look at all pixels for each region."""
    size = (mask.shape[1], mask.shape[0])
    share = cv2.warpAffine(mask.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    kept = share > 0.5
    regions, labels = cv2.connectedComponents(mask.astype(np.uint8))
    for region in range(1, regions):
        rows, columns = np.nonzero(labels == region)
        x, y = np.rint(matrix @ [columns, rows, np.ones(len(rows))]).astype(int)
        inside = (x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1])
        if not kept[y[inside], x[inside]].any():
            kept[y[inside], x[inside]] = True
    return kept.astype(mask.dtype)


@pytest.mark.parametrize('density', [0, 0.001, 0.03, 0.4])
def test_many_regions_are_found_at_once_and_alike(density):
    rng = np.random.default_rng(2)
    for seed in range(8):
        mask = (rng.random((60, 83)) < density).astype(np.uint8)
        shift = tuple(rng.uniform(-0.3, 0.3, 2))
        matrix = affine_matrix(mask.shape, rng.uniform(-15, 15), 0.5 + 0.1 * seed, shift)
        found = warp(mask, mask, matrix)[1]
        assert np.array_equal(found, plain_warp_of_mask(mask, matrix))


@pytest.mark.parametrize('step', [RandomLesionAffine(prob=1), RandomIntensity(prob=1)])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_one_memory_for_three_channels_gives_what_three_give(step, dtype):
    three = picture(dtype)
    found = []
    for image in (three, np.broadcast_to(three[..., :1], three.shape), three[..., 0]):
        np.random.seed(4)
        mask = np.zeros((40, 32), np.uint8)
        mask[5:9, 7:20] = 1
        found.append(step.transform({'img': image, 'gt_seg_map': mask}))

    assert np.array_equal(found[0]['img'], found[1]['img'])
    assert np.array_equal(found[0]['img'][..., 0], found[2]['img'])
    assert found[1]['img'].strides[2] == 0
    assert found[0]['img'].flags.writeable
    assert np.array_equal(found[0]['gt_seg_map'], found[1]['gt_seg_map'])
    assert not np.array_equal(found[0]['img'], three)
