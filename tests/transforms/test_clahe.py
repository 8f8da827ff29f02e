import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.transforms import MammoCLAHE
from mmseg_mammo.transforms.clahe import clahe

TILES = (4, 4)


@pytest.fixture(scope='module')
def breast():
    """A smooth 8-bit picture with a dark background, 128×128."""
    noise = np.random.default_rng(0).normal(size=(128, 128))
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    picture = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    picture[:, :40] = 0
    return picture


@pytest.mark.parametrize('clip_limit', [2.0, 40.0])
def test_16_bit_gives_the_picture_that_opencv_gives_for_8_bit(breast, clip_limit):
    ours = clahe(breast.astype(np.uint16) * 257, clip_limit, TILES) / 257
    opencv = cv2.createCLAHE(clip_limit, TILES).apply(breast)
    assert np.abs(ours - opencv).mean() < 3
    assert np.abs(opencv.astype(float) - breast).mean() > 12  # what equalising changes


def test_16_bit_keeps_more_than_256_levels(breast):
    fine = breast.astype(np.uint16) * 257 + np.arange(128, dtype=np.uint16)[None]
    equalised = clahe(fine, 2.0, TILES)
    assert equalised.dtype == np.uint16
    assert len(np.unique(equalised)) > 1000


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
    results = MammoCLAHE(2.0, TILES)(results)
    expected = clahe(breast, 2.0, TILES)
    for channel in range(3):
        np.testing.assert_array_equal(results['img'][..., channel], expected)
    np.testing.assert_array_equal(results['gt_seg_map'], mask)
