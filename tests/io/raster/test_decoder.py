from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from raster_samples import DEEP, DISC, STORED, encoded, exif, png, tiff

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.raster.decoder import decode_raster

LESION = DISC.astype(np.uint8) * 255
EMPTY, FULL = LESION * 0, LESION * 0 + 255
UPRIGHT = {
    1: STORED,
    2: STORED[:, ::-1],
    3: STORED[::-1, ::-1],
    4: STORED[::-1],
    5: STORED.T,
    6: STORED[::-1].T,
    7: STORED[::-1, ::-1].T,
    8: STORED.T[::-1],
}


def read(data, labels=False, notes=None):
    return decode_raster(data, Path('file'), labels, [] if notes is None else notes)


@pytest.mark.parametrize('labels', [False, True])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_an_orientation_is_followed_in_every_container_and_noted(orientation, labels):
    whole = np.kron(STORED, np.ones((8, 8), np.uint8))
    tag = Image.Exif()
    tag[0x0112] = orientation
    lossless = [
        tiff(STORED, t274=orientation),
        tiff(STORED, t274=orientation, t262=0),
        png(STORED, eXIf=exif(orientation)),
        png(STORED, late=exif(orientation)),
    ]
    for number, data in enumerate(lossless):
        notes = []
        expected = 255 - UPRIGHT[orientation] if number == 1 else UPRIGHT[orientation]
        np.testing.assert_array_equal(read(data, labels, notes), expected)
        assert notes == (
            [f'file turned upright: its orientation is {orientation}'] * (orientation > 1)
        )
    lossy = read(encoded(whole, 'JPEG', quality=100, exif=tag))
    expected = np.kron(UPRIGHT[orientation], np.ones((8, 8), np.uint8))
    np.testing.assert_allclose(lossy.astype(int), expected, atol=2)


def test_an_orientation_that_is_none_is_refused():
    with pytest.raises(DataFileError, match='file: its orientation is 9'):
        read(png(STORED, eXIf=exif(9)))


def rgba(colour, alpha):
    return png(np.dstack([colour, colour, colour, alpha]), colour_type=6)


@pytest.mark.parametrize('depth', [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ('colour', 'alpha'),
    [
        (LESION, FULL),
        (LESION, FULL // 2),
        (EMPTY, LESION),
        (FULL, LESION),
        (LESION, LESION),
        (EMPTY, LESION // 2),
        (255 - LESION, LESION),  # black ink; white is hidden around it
    ],
)
def test_transparency_is_the_mask_where_colours_say_nothing(colour, alpha, depth):
    scale = np.iinfo(depth).max // 255
    for data in (
        rgba(colour.astype(depth) * scale, alpha.astype(depth) * scale),
        png(np.dstack([colour, alpha]).astype(depth) * scale, colour_type=4),
    ):
        values = read(data, labels=True)
        np.testing.assert_array_equal(values > values.max() / 2, DISC)
    if depth == np.uint8:
        values = read(tiff(np.dstack([colour, alpha]), t338=2), labels=True)
        np.testing.assert_array_equal(values > values.max() / 2, DISC)


def test_a_red_brush_on_a_clear_layer_is_a_mask():
    data = png(np.dstack([LESION, EMPTY, EMPTY, LESION]), colour_type=6)
    np.testing.assert_array_equal(read(data, labels=True), LESION)


def test_a_layer_that_nobody_drew_on_is_an_empty_mask():
    assert not read(rgba(EMPTY, EMPTY), labels=True).any()
    assert not read(rgba(FULL, EMPTY), labels=True).any()


def test_transparency_that_hides_a_part_is_refused():
    corner = FULL.copy()
    corner[:3, :3] = 0
    for labels, data in (
        (True, rgba(LESION, EMPTY)),
        (True, rgba(255 - LESION, corner)),
        (False, rgba(LESION, corner * 0)),
        (False, rgba(255 - LESION, corner)),
        (False, rgba(LESION, FULL - 1)),
        (False, png(STORED, tRNS=bytes([0, STORED[1, 1]]))),
        (False, png(DEEP, tRNS=int(DEEP[1, 1]).to_bytes(2, 'big'))),
    ):
        with pytest.raises(DataFileError, match=r'file: transparency hides a part.*greyscale'):
            read(data, labels)


def test_transparent_air_is_black():
    corner = FULL.copy()
    corner[:3, :3] = 0
    np.testing.assert_array_equal(read(rgba(LESION, corner)), LESION)


def test_one_clear_level_makes_a_mask_of_the_others():
    drawn = np.where(DISC, 9, 200).astype(np.uint8)
    for depth, values, clear in ((8, drawn, 200), (16, drawn.astype(np.uint16) * 257, 200 * 257)):
        data = png(values, depth=depth, tRNS=clear.to_bytes(2, 'big'))
        found = read(data, labels=True)
        np.testing.assert_array_equal(found > found.max() / 2, DISC)


def palette_file(kind, colours, **options):
    image = Image.fromarray(DISC.astype(np.uint8))
    image.putpalette([level for colour in colours for level in colour])
    return encoded(image, kind, **options)


@pytest.mark.parametrize('kind', ['PNG', 'TIFF', 'BMP'])
def test_a_palette_is_a_label_map_for_masks_and_colour_for_images(kind):
    black, red, grey, white = (0, 0, 0), (128, 0, 0), (90, 90, 90), (255, 255, 255)
    np.testing.assert_array_equal(read(palette_file(kind, [black, red]), labels=True), DISC)
    with pytest.raises(DataFileError, match='a colour image'):
        read(palette_file(kind, [black, red]))
    with pytest.raises(DataFileError, match='a colour image'):  # which index is background?
        read(palette_file(kind, [red, black]), labels=True)
    for labels in (False, True):
        np.testing.assert_array_equal(
            read(palette_file(kind, [grey, white]), labels), np.where(DISC, 255, 90)
        )
        np.testing.assert_array_equal(
            read(palette_file(kind, [white, black]), labels), 255 - LESION
        )


def test_the_transparency_of_a_palette_counts():
    colours = [(255, 255, 255), (0, 0, 0)]
    data = palette_file('PNG', colours, transparency=0)
    np.testing.assert_array_equal(read(data, labels=True), LESION)
    with pytest.raises(DataFileError, match='transparency hides'):
        read(data)


@pytest.mark.parametrize(('depth', 'packed'), [(1, 0xA0), (2, 0xD8), (4, 0xF0)])
def test_few_bits_are_levels_of_the_whole_range(depth, packed):
    pixels = read(png(np.array([[packed]], np.uint8).repeat(1, 0), depth=depth)[:])
    assert pixels[0, 0] == 255


def test_an_unusual_gamma_is_refused_for_images_and_says_nothing_about_labels():
    usual, linear = (45455).to_bytes(4, 'big'), (100000).to_bytes(4, 'big')
    np.testing.assert_array_equal(read(png(DEEP, gAMA=usual)), DEEP)
    with pytest.raises(DataFileError, match=r'gAMA chunk says 1, where 0\.45455'):
        read(png(DEEP, gAMA=linear))
    np.testing.assert_array_equal(read(png(LESION, gAMA=linear), labels=True), LESION)


def test_several_pictures_inks_and_other_containers_are_refused_by_name():
    grey = Image.fromarray(STORED)
    moving = encoded(grey, 'PNG', save_all=True, append_images=[Image.fromarray(255 - STORED)])
    for data, message in (
        (moving, 'pictures in one file'),
        (encoded(grey.convert('CMYK'), 'JPEG'), 'CMYK'),
        (encoded(grey, 'GIF'), 'a GIF file'),
        (encoded(grey.convert('RGB'), 'WEBP'), 'a WebP file'),
    ):
        with pytest.raises(DataFileError, match=rf'file: .*{message}.*Export'):
            read(data)


@pytest.mark.parametrize('channels', [3, 4])
def test_16_bit_colour_files_keep_their_grey_levels(channels):
    opaque = [np.full_like(DEEP, 65535)] * (channels - 3)
    data = cv2.imencode('.png', np.dstack([DEEP] * 3 + opaque))[1].tobytes()
    np.testing.assert_array_equal(read(data), DEEP)


def test_what_follows_the_end_of_a_png_is_no_damage_and_its_missing_end_is():
    data = png(STORED)
    np.testing.assert_array_equal(read(data + bytes(9000)), STORED)
    with pytest.raises(DataFileError, match='not a readable image'):
        read(data[:-12] + bytes(100))


@pytest.mark.parametrize(
    ('data', 'kind'),
    [
        (b'%PDF-1.7', 'a PDF file'),
        (bytes([0xFF, 0xD8, 0xFF, 0xF7, 0, 11, 8, 0, 8, 0, 8, 1, 1, 17, 0]), 'JPEG-LS'),
    ],
)
def test_another_format_is_called_that_and_never_truncated(data, kind):
    with pytest.raises(DataFileError, match=rf'file: .*{kind}\. Allowed: PNG, JPEG.*Export') as e:
        read(data)
    assert 'truncated' not in str(e.value)
