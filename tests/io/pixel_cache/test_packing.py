import sys

import numpy as np
import pytest

from mmseg_mammo.io.pixel_cache import packing
from mmseg_mammo.io.pixel_cache.packing import (
    describe_packing,
    find_codec,
    pack_image,
    unpack_image,
)


@pytest.fixture
def without(monkeypatch):
    """No package that compresses."""
    monkeypatch.setitem(sys.modules, 'imagecodecs', None)
    kept = (find_codec, describe_packing)
    for one in kept:
        one.cache_clear()
    yield
    for one in kept:
        one.cache_clear()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('shape', [(700, 513), (1, 4000), (4000, 1), (64, 64)])
def test_a_grey_image_comes_back_smaller(dtype, shape):
    levels = np.arange(shape[0] * shape[1]).reshape(shape) // 50
    image = (levels + np.random.default_rng(0).integers(0, 9, shape)).astype(dtype)

    packed = pack_image(image)

    assert packed.dtype == np.uint8
    assert packed.ndim == 1
    assert packed.nbytes < 0.8 * image.nbytes
    found = unpack_image(packed, shape, image.dtype)
    assert found.dtype == dtype
    assert np.array_equal(found, image)
    found[:] = 0  # an array of its own


@pytest.mark.parametrize('image', [np.zeros((0, 5), np.uint8), np.full((1, 1), 7, np.uint16)])
def test_what_gets_no_smaller_is_not_compressed(image):
    assert pack_image(image) is None


def test_noise_is_not_compressed():
    assert pack_image(np.random.default_rng(0).integers(0, 256, (99, 99), np.uint8)) is None


def test_the_same_image_is_packed_to_the_same_bytes():
    image = np.random.default_rng(0).integers(0, 900, (300, 200), np.uint16)
    assert np.array_equal(pack_image(image), pack_image(image.copy()))


def test_damaged_bytes_are_an_error_or_another_image_of_the_shape():
    """Which it is decides the checksum before: nothing here may do worse."""
    image = np.random.default_rng(0).integers(0, 9, (40, 30), np.uint16)
    packed = pack_image(image)
    for place in range(0, len(packed), 7):
        broken = packed.copy()
        broken[place] ^= 0xFF
        try:
            found = unpack_image(broken, (40, 30), image.dtype)
        except ValueError:
            continue
        assert found.shape == (40, 30)
    with pytest.raises(ValueError, match=r'.'):
        unpack_image(packed[: len(packed) // 2], (40, 30), image.dtype)
    with pytest.raises(ValueError, match=r'.'):
        unpack_image(packed, (41, 30), image.dtype)


def test_what_compresses_is_said():
    assert 'blosc2' in describe_packing()
    assert 'lz4' in describe_packing()


def test_without_the_package_nothing_is_compressed(without):
    assert describe_packing() == ''
    assert pack_image(np.zeros((50, 50), np.uint8)) is None
    with pytest.raises(ValueError, match='imagecodecs is not installed'):
        unpack_image(np.zeros(9, np.uint8), (3, 3), np.dtype(np.uint8))


def test_a_build_without_blosc2_is_none(without, monkeypatch):
    class Package:
        class BLOSC2:
            available = False

    monkeypatch.setitem(sys.modules, 'imagecodecs', Package)
    packing.find_codec.cache_clear()
    assert find_codec() is None
