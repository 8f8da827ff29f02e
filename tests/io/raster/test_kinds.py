import io

import numpy as np
import pytest
from PIL import Image
from raster_samples import STORED, encoded, tiff

from mmseg_mammo.io.raster.kinds import unread_jpeg, unread_kind

READ = [encoded(STORED, name) for name in ('PNG', 'JPEG', 'BMP', 'PPM')] + [tiff(STORED)]


@pytest.mark.parametrize('data', READ)
def test_a_format_that_is_read_has_no_other_kind_however_little_is_left_of_it(data):
    assert not any(unread_kind(data[:length]) for length in (len(data), 20, 8, 3, 0))


def test_zeros_in_place_of_a_file_are_damage():
    assert not unread_kind(bytes(512))


def jpeg_2000():
    data = io.BytesIO()
    Image.fromarray(STORED.astype(np.uint8)).save(data, 'JPEG2000')
    return data.getvalue()


@pytest.mark.parametrize(
    ('data', 'kind'),
    [
        (b'%PDF-1.7', 'a PDF file'),
        (b'\xef\xbb\xbf <!DOCTYPE html>', 'an HTML, XML or SVG file'),
        (b'\0\0\0\x18ftypheic', 'a file of HEIC'),
        (b'\x5c\1\0\0' + bytes(340) + b'n+1\0', 'a NIfTI file'),
        (b'\x1f\x8b\x08', 'compressed by gzip (perhaps NIfTI)'),
        (jpeg_2000(), 'a JPEG 2000 file'),
        (jpeg_2000()[:100], 'a JPEG 2000 file'),
        (b'Image on the PACS', 'of another format, whatever its name says'),
    ],
)
def test_other_formats_are_called_by_their_name(data, kind):
    assert unread_kind(data) == kind


@pytest.mark.parametrize(
    ('marker', 'bits', 'kind'),
    [
        (0xC0, 8, ''),
        (0xC2, 8, ''),
        (0xC1, 12, 'a JPEG file of 12 bits'),
        (0xC3, 8, 'a JPEG file of the kind lossless'),
        (0xF7, 16, 'a JPEG file of the kind JPEG-LS'),
        (0xC9, 8, 'a JPEG file of the kind arithmetic'),
    ],
)
def test_kinds_of_jpeg_that_are_not_read_are_told_by_the_frame(marker, bits, kind):
    comment = b'\xff\xfe\0\4ab'
    frame = bytes([0xFF, marker, 0, 11, bits, 0, 8, 0, 8, 1, 1, 17, 0])
    assert unread_jpeg(b'\xff\xd8' + comment + frame + b'\xff\xda' + bytes(9)) == kind
    assert unread_jpeg(b'\xff\xd8' + comment) == ''
    assert unread_jpeg(b'') == ''
