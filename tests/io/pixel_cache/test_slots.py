import zlib

import numpy as np
import pytest

from mmseg_mammo.io.pixel_cache.slots import (
    ANY,
    FIXED,
    HEAD_ROOM,
    Entry,
    make_head,
    pack_head,
    unpack_head,
    unpack_mask,
    unpack_pixels,
    unpack_values,
)

IMAGE = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000


def packed(mask, values=None):
    made = make_head(Entry(values or {'shape': (3, 4)}, IMAGE, mask), b'{"proof":1}')
    return made and pack_head(made[0])


@pytest.mark.parametrize('place', [np.s_[2:5, 3:9], np.s_[0:0, 0:0], np.s_[:, :], np.s_[6, 9]])
def test_a_head_comes_back_with_its_mask(place):
    mask = np.zeros((7, 10), np.uint8)
    mask[place] = 1

    head = unpack_head(packed(mask))

    assert unpack_values(head) == {'shape': (3, 4)}
    assert head.proof == b'{"proof":1}'
    assert (head.shape, head.dtype) == ((3, 4), np.uint16)
    found = unpack_mask(head)
    assert found.dtype == np.uint8
    assert np.array_equal(found, mask)
    found[:] = 1  # an array of its own


@pytest.mark.parametrize('value', [2, 255])
def test_a_mask_of_one_value_comes_back(value):
    mask = np.full((7, 10), value, np.uint8)
    found = unpack_mask(unpack_head(packed(mask)))
    assert found.dtype == np.uint8
    assert np.array_equal(found, mask)
    found[:] = 1  # an array of its own


def test_an_image_without_a_mask():
    assert unpack_mask(unpack_head(packed(None))) is None


def test_every_flipped_byte_of_a_head_is_noticed():
    data = packed(np.eye(5, dtype=np.uint8))

    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x40
        assert unpack_head(bytes(broken)) is None, place
    assert all(unpack_head(data[:length]) is None for length in range(len(data)))
    assert unpack_head(bytes(HEAD_ROOM)) is None
    assert unpack_head(data + bytes(HEAD_ROOM)) is not None


@pytest.mark.parametrize(
    'mask',
    [
        np.array([[0, 255]], np.uint8),
        np.array([[1, 255]], np.uint8),
        np.ones((3, 4), np.int64),
        np.ones((3, 4, 1), np.uint8),
    ],
)
def test_other_masks_are_not_kept(mask):
    assert packed(mask) is None


def test_a_mask_that_is_too_large_is_not_kept():
    noise = np.random.default_rng(0).integers(0, 2, (600, 600)).astype(np.uint8)

    assert packed(noise) is None


def test_values_that_would_change_are_not_kept():
    assert packed(None, {'lines': {1, 2}}) is None


@pytest.mark.parametrize('small', [False, True])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_an_image_comes_back_from_what_its_head_says(small, dtype):
    image = np.random.default_rng(0).integers(0, 9, (50, 37), dtype)
    made, data = make_head(Entry({}, image, None), b'{}', small)

    head = unpack_head(pack_head(made))

    assert head == made
    assert (head.packed, head.length, head.crc) == (small, data.nbytes, zlib.crc32(data))
    assert (data.nbytes < image.nbytes) == small
    found = unpack_pixels(head, np.frombuffer(data, np.uint8).copy())
    assert found.dtype == dtype
    assert found.flags.writeable
    assert np.array_equal(found, image)


def test_slots_begin_on_pages():
    sizes = [FIXED._replace(image=image).slot for image in (1, 4096, 4097)]
    assert sizes == [HEAD_ROOM + 4096, HEAD_ROOM + 4096, HEAD_ROOM + 2 * 4096]
    assert ANY.slot % 4096 == 0
    assert 200_000 * ANY.slot < 16 * 1024**4  # the largest file of ext4
