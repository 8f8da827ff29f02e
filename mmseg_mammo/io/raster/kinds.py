"""Kinds of files: tells a format that is not read from a damaged file of one that is."""

import io
import re
from contextlib import suppress

from mmseg_mammo.io.dicom.silence import silence
from mmseg_mammo.io.raster.tiff import MAGIC as TIFF

READ = 'PNG, JPEG, TIFF, BMP, PGM or DICOM'
_READ = (b'\x89PNG\r\n\x1a\n', b'\xff\xd8', b'BM', *TIFF)
_PNM = re.compile(rb'P[1-7fFy]\s')
_STARTS = {
    b'%PDF': 'a PDF file',
    b'PK\x03\x04': 'a ZIP file, or a document of Office',
    b'\xd0\xcf\x11\xe0': 'a document of Office',
    b'\x1f\x8b': 'compressed by gzip (perhaps NIfTI)',
    b'\x93NUMPY': 'an array of NumPy',
    b'NRRD': 'an NRRD file',
    b'ObjectType': 'a MetaImage file',
    b'\0\0\0\x0cjP  ': 'a JPEG 2000 file',
    b'\xff\x4f\xff\x51': 'a JPEG 2000 file',
    b'\0\0\0\x0cJXL ': 'a JPEG XL file',
    b'\xff\x0a': 'a JPEG XL file',
    b'v/1\x01': 'an OpenEXR file',
    b'8BPS': 'a Photoshop file',
    b'RIFF': 'a WebP file, or a sound or film',
    b'{\\rtf': 'an RTF file',
    b'<': 'an HTML, XML or SVG file',
}
_BRANDS = {b'heic': 'HEIC', b'heix': 'HEIC', b'mif1': 'HEIC', b'avif': 'AVIF', b'avis': 'AVIF'}
_NIFTI = (b'n+1\0', b'ni1\0')
# What a JPEG file may be beside baseline and progressive: the marker of its frame.
_FRAMES = {0xC3: 'lossless', 0xF7: 'JPEG-LS', **dict.fromkeys((*range(0xC9, 0xD0),), 'arithmetic')}


def unread_kind(data: bytes) -> str:
    """The kind of a file whose format is not read here; '' if it is one that is, whole or not.

    A file that is empty, or starts with zeros, may have been anything.

    >>> unread_kind(b'%PDF-1.7')
    'a PDF file'
    """
    head = data[:8]
    if not any(head) or any(mark.startswith(head) for mark in _READ):
        return ''
    if data.startswith(_READ) or _PNM.match(data):
        return ''
    if data[344:348] in _NIFTI:
        return 'a NIfTI file'
    if data[4:8] == b'ftyp':
        return f'a file of {_BRANDS.get(data[8:12], "films, or of HEIC or AVIF")}'
    text = data[:64].lstrip(b'\xef\xbb\xbf \t\r\n')
    named = next((kind for mark, kind in _STARTS.items() if text.startswith(mark)), '')
    return named or _by_pillow_name(data) or 'of another format, whatever its name says'


def unread_jpeg(data: bytes) -> str:
    """How a JPEG file is coded, if that is not read; else ''."""
    place = 2 if data.startswith(b'\xff\xd8') else len(data)
    while data[place : place + 1] == b'\xff' and data[place + 1] != 0xDA and place + 4 < len(data):
        if data[place + 1] in _FRAMES:
            return f'a JPEG file of the kind {_FRAMES[data[place + 1]]}'
        if data[place + 1] in (0xC0, 0xC1, 0xC2) and data[place + 4] != 8:
            return f'a JPEG file of {data[place + 4]} bits'
        place += 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
    return ''


def _by_pillow_name(data: bytes) -> str:
    """What Pillow takes a file for; it tells formats by their first bytes, most of them at least."""
    from PIL import Image

    with suppress(Exception), silence():  # many types; all mean that it is none of them
        return f'a {Image.open(io.BytesIO(data)).format} file'
    return ''
