import cv2
import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.transforms import MammoCLAHE
from mmseg_mammo.transforms.clahe import clahe, to_8_bits

TILES = (4, 4)


@pytest.fixture(scope='module')
def breast():
    """A smooth 8-bit picture with a dark background, 128×128."""
    noise = np.random.default_rng(0).normal(size=(128, 128))
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    picture = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    picture[:, :40] = 0
    return picture


@pytest.mark.parametrize('clip_limit', [2.0, 6.0, 40.0])
@pytest.mark.parametrize('side', [128, 112, 61])
def test_the_same_levels_in_8_and_in_16_bits_give_the_same_bytes(breast, clip_limit, side):
    picture = breast[:side, -side:]
    ours = clahe(picture.astype(np.uint16) * 257, clip_limit, TILES)
    assert ours.dtype == np.uint8
    assert (ours == clahe(picture, clip_limit, TILES)).all()
    assert (ours == cv2.createCLAHE(clip_limit, TILES).apply(picture)).all()
    assert np.abs(ours.astype(float) - picture).mean() > 12  # what equalising changes


def test_finer_levels_are_rounded_to_the_nearest_of_256():
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert (to_8_bits(levels) == np.rint(levels / 257)).all()
    assert (clahe(levels, 2.0, TILES) == clahe(to_8_bits(levels), 2.0, TILES)).all()


def test_it_is_mmsegs_own_in_both_depths(breast):
    host = TRANSFORMS.build(dict(type='CLAHE', clip_limit=2.0, tile_grid_size=TILES))
    image = np.repeat(breast[..., None], 3, axis=-1)
    theirs = host({'img': image.copy()})['img']
    for own in (image, image.astype(np.uint16) * 257):
        assert (
            MammoCLAHE(clip_limit=2.0, tile_grid_size=TILES)({'img': own})['img'] == theirs
        ).all()


def test_values_above_255_do_not_wrap():
    ramp = np.linspace(0, 4095, 64 * 64).astype(np.uint16).reshape(64, 64)
    equalised = clahe(ramp, 2.0, (1, 1)).ravel().astype(int)
    assert (np.diff(equalised) >= 0).all()


def test_sides_need_not_be_multiples_of_the_tiles():
    image = np.random.default_rng(0).integers(0, 65536, (61, 47)).astype(np.uint16)
    assert clahe(image, 2.0, (8, 8)).shape == (61, 47)


def test_a_constant_image_stays_constant():
    assert len(np.unique(clahe(np.full((32, 32), 777, np.uint16), 2.0, TILES))) == 1


def test_floats_are_refused():
    with pytest.raises(DataFileError, match=r'float32.*uint8 or uint16.*before'):
        clahe(np.zeros((8, 8), np.float32), 2.0, TILES)


def test_the_transform_changes_all_channels_alike_and_no_mask(breast):
    mask = np.eye(128, dtype=np.uint8)
    results = {'img': np.repeat(breast[..., None], 3, axis=-1), 'gt_seg_map': mask.copy()}
    results = MammoCLAHE(clip_limit=2.0, tile_grid_size=TILES)(results)
    expected = clahe(breast, 2.0, TILES)
    for channel in range(3):
        np.testing.assert_array_equal(results['img'][..., channel], expected)
    np.testing.assert_array_equal(results['gt_seg_map'], mask)
