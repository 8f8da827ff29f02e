from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from raster_samples import DEEP, DISC, STORED, encoded, tiff

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.raster.decoder import decode_raster


def read(data, labels=False):
    return decode_raster(data, Path('a.tif'), labels, [])


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('pixels', [STORED, DEEP])
def test_white_is_zero_is_inverted_in_every_depth(pixels, order):
    np.testing.assert_array_equal(read(tiff(pixels, order=order)), pixels)
    top = np.iinfo(pixels.dtype).max
    np.testing.assert_array_equal(read(tiff(top - pixels, order=order, t262=0)), pixels)


@pytest.mark.parametrize('compression', ['raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits'])
@pytest.mark.parametrize('mode', ['L', 'I;16', '1'])
def test_compression_changes_nothing(compression, mode):
    pixels = {'L': STORED, 'I;16': DEEP, '1': DISC}[mode]
    expected = DISC * np.uint8(255) if mode == '1' else pixels
    data = encoded(pixels, 'TIFF', compression=compression)
    np.testing.assert_array_equal(read(data), expected)
    white = (
        encoded(pixels, 'TIFF', compression=compression, tiffinfo={262: 0}) if mode == '1' else None
    )
    if white:
        assert np.array_equal(read(white), expected) or np.array_equal(read(white), 255 - expected)


def test_bilevel_masks_follow_photometric_and_bit_order():
    packed = np.packbits(DISC, axis=1)
    shape = {'t256': DISC.shape[1], 't258': 1}
    np.testing.assert_array_equal(read(tiff(packed, **shape)), DISC * 255)
    np.testing.assert_array_equal(read(tiff(~packed, t262=0, **shape), labels=True), DISC * 255)
    reverse = np.packbits(DISC, axis=1, bitorder='little')
    np.testing.assert_array_equal(read(tiff(reverse, t266=2, **shape)), DISC * 255)


@pytest.mark.parametrize('labels', [False, True])
def test_pages_are_refused_unless_they_are_smaller_copies(labels):
    with pytest.raises(DataFileError, match=r'a\.tif: 2 pages in one file'):
        read(tiff(STORED, DEEP), labels)
    thumbnail = encoded(Image.fromarray(STORED), 'TIFF')
    np.testing.assert_array_equal(read(thumbnail, labels), STORED)
    copies = tiff(STORED, STORED[::2, ::2])
    # NewSubfileType 1 in the second page only: written in place of its Compression tag.
    second = copies.rindex((258).to_bytes(2, 'little') + b'\3\0')
    marked = bytearray(copies)
    first_tag = copies.rindex((256).to_bytes(2, 'little') + b'\4\0')
    assert first_tag < second
    marked[first_tag - 2 : first_tag] = (10).to_bytes(2, 'little')
    marked[first_tag:first_tag] = (254).to_bytes(2, 'little') + b'\4\0\1\0\0\0\1\0\0\0'
    np.testing.assert_array_equal(read(bytes(marked), labels), STORED)


@pytest.mark.parametrize(
    ('pixels', 'tags', 'message'),
    [
        (STORED, {'t339': 2}, 'signed numbers'),
        (DEEP, {'t339': 2}, 'signed numbers'),
        (DEEP.astype(np.float32), {'t339': 3}, 'floating point numbers'),
        (DEEP.astype(np.uint32), {}, '32 bits per sample'),
        (DEEP, {'t258': 12}, '12 bits per sample'),
        (STORED, {'t262': None}, 'Photometric Interpretation is missing'),
        (np.dstack([STORED] * 4), {'t262': 5}, 'is CMYK'),
        (np.dstack([DEEP] * 3), {'t262': 2, 't284': 2}, 'separate planes'),
        (np.dstack([DEEP] * 2), {'t338': 2}, 'extra channel of transparency in 16 bits'),
        (np.dstack([STORED] * 2), {'t338': 0}, 'extra channel of unknown meaning'),
        (STORED, {'t274': 12}, 'orientation is 12'),
        (STORED, {'t259': 34925}, 'compressed by LZMA'),
        (STORED, {'t259': 50000}, 'compressed by Zstandard'),
    ],
)
@pytest.mark.parametrize('labels', [False, True])
def test_what_cannot_be_followed_is_named(pixels, tags, message, labels):
    with pytest.raises(DataFileError, match=rf'a\.tif: .*{message}'):
        read(tiff(pixels, **tags), labels)


def test_grey_levels_in_colour_channels_are_read():
    np.testing.assert_array_equal(read(tiff(np.dstack([DEEP] * 3), t262=2)), DEEP)
    with pytest.raises(DataFileError, match='colour'):
        read(tiff(np.dstack([DEEP, DEEP, ~DEEP]), t262=2))


@pytest.mark.parametrize('compression', ['tiff_lzw', 'tiff_adobe_deflate', 'jpeg'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_damage_in_compressed_pixels_is_found(compression, dtype):
    rng = np.random.default_rng(0)
    noise = np.kron(rng.integers(0, 256, (60, 50)), np.ones((3, 3), int))
    if compression == 'jpeg' and dtype == np.uint16:
        pytest.skip('JPEG has 8 bits')
    data = encoded(noise.astype(dtype), 'TIFF', compression=compression)
    assert read(data).shape == noise.shape
    found = 0
    for place in np.linspace(400, len(data) - 400, 20).astype(int):
        damaged = bytearray(data)
        damaged[place : place + 60] = bytes(
            (7 * byte + 13) % 254 for byte in data[place : place + 60]
        )
        try:
            read(bytes(damaged))
        except DataFileError:
            found += 1
    assert found >= 16
