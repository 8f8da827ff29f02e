"""TIFF tags: reads them, and neutralises those that OpenCV would apply in its own way.

OpenCV ignores Photometric Interpretation in 16 bits (opencv #9550) and transparency, and what it
does by Orientation depends on its release. So both are answered here: the file is handed to it
with neutral tags.
"""

import io
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmseg_mammo.io.raster.complaints import listen
from mmseg_mammo.io.raster.jpeg import decode_jpeg

MAGIC = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_REDUCED = 1  # NewSubfileType: a smaller copy of another page
_CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 6: 3}  # samples of a pixel, without extra ones
_NAMES = {5: 'CMYK', 8: 'CIE L*a*b*', 32803: 'a colour filter array', 4: 'a transparency mask'}
_PHOTOMETRIC, _ORIENTATION = 262, 274
_PARTS = ((273, 324), (279, 325))  # where strips, or else tiles, start; their sizes
_DEFLATE = (8, 32946)
_NOT_READ = {  # by the TIFF library of OpenCV, whatever Pillow can do
    **dict.fromkeys((33003, 33005, 34712), 'JPEG 2000'),
    34887: 'LERC',
    34925: 'LZMA',
    50000: 'Zstandard',
    50001: 'WebP',
    50002: 'JPEG XL',
}
_COMPLAINT = re.compile(rb'(\w*Decode\w*|TIFF\w+|Fax\w+): ')  # of libtiff


@dataclass(frozen=True)
class TiffFacts:
    """How to read a TIFF file: its bytes with neutral tags, and the steps that its tags ask for."""

    data: bytes
    white_is_zero: bool
    orientation: int
    by_pillow: bool


def read_tiff(data: bytes) -> TiffFacts:
    """Read the tags of the first page, and refuse what they say that nothing here follows.

    Raises:
        ValueError: Several pages, or samples of another kind than 1, 8 or 16 unsigned bits.
        SyntaxError, OSError, zlib.error: The file is damaged.
    """
    pages = _pages(data)
    full = [tags for _, tags in pages if not int(tags.get(254, 0)) & _REDUCED]
    if len(full) != 1 or full[0] is not pages[0][1]:
        raise ValueError(f'{len(pages)} pages in one file')
    offset, tags = pages[0]
    photometric = tags.get(_PHOTOMETRIC)
    if photometric not in _CHANNELS:
        name = 'missing' if photometric is None else _NAMES.get(photometric, photometric)
        raise ValueError(f'Photometric Interpretation is {name}')
    samples = int(tags.get(277, 1))
    extra = samples - _CHANNELS[photometric]
    _check_samples(tags, photometric, samples, extra)
    neutral = bytearray(data)
    for tag in (_PHOTOMETRIC, _ORIENTATION):
        if tag == _ORIENTATION or photometric == 0:
            _set_to_1(neutral, offset, tag)
    by_pillow = bool(extra) or photometric == 3
    _check_compressed(bytes(neutral), tags)
    return TiffFacts(
        data=bytes(neutral),
        white_is_zero=photometric == 0,
        orientation=int(tags.get(_ORIENTATION, 1)),
        by_pillow=by_pillow,
    )


def _pages(data: bytes) -> list[tuple[int, Mapping[int, Any]]]:
    """Offset and tags of every page."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    stream, found = io.BytesIO(data), {}
    header = data[: 16 if _is_big(data) else 8]
    if len(header) < 8:
        raise SyntaxError('no header')
    offset = ImageFileDirectory_v2(header).next
    while offset and offset not in found:
        start, size, count = _entries(data, offset)
        if start + size * count > len(data):
            raise SyntaxError('cut short')
        stream.seek(offset)
        page = ImageFileDirectory_v2(header)
        page.load(stream)
        found[offset] = dict(page)
        offset = page.next
    if not found:
        raise SyntaxError('no page')
    return list(found.items())


def _check_samples(tags: Mapping[int, Any], photometric: int, samples: int, extra: int) -> None:
    bits = _each(tags.get(258, 1))
    formats = _each(tags.get(339, 1))
    allowed = (1, 2, 4, 8) if photometric == 3 else (1, 8, 16)
    if set(formats) - {1, 4}:
        names = {2: 'signed', 3: 'floating point', 5: 'complex', 6: 'complex'}
        raise ValueError(f'samples are {names.get(formats[0], formats[0])} numbers')
    if len(set(bits)) != 1 or bits[0] not in allowed:
        raise ValueError(f'{"/".join(map(str, bits))} bits per sample')
    if samples > 1 and int(tags.get(284, 1)) != 1:
        raise ValueError('channels in separate planes')
    if extra and (extra != 1 or bits[0] != 8 or _each(tags.get(338, 0))[0] not in (1, 2)):
        kind = 'transparency' if _each(tags.get(338, 0))[0] in (1, 2) else 'unknown meaning'
        raise ValueError(f'an extra channel of {kind} in {bits[0]} bits')


def _check_compressed(data: bytes, tags: Mapping[int, Any]) -> None:
    """Refuse compressed pixels that their decoder complains of; OpenCV fills the gaps.

    Raises:
        OSError, zlib.error: They are damaged.
        ValueError: They are compressed in a way that is not read here.
    """
    from PIL import Image

    compression = int(tags.get(259, 1))
    if compression == 1:
        return
    if compression in _NOT_READ:
        raise ValueError(f'compressed by {_NOT_READ[compression]}')
    tables = bytes(tags.get(347, b''))
    places = zip(*(_each(tags[s if s in tags else t]) for s, t in _PARTS), strict=True)
    for part in (data[start : start + size] for start, size in places):
        if compression in _DEFLATE:
            zlib.decompress(part)  # libtiff stops before the checksum
        if compression == 7 and decode_jpeg(tables[:-2] + part[2 if tables else 0 :]) is None:
            raise OSError('damaged JPEG data')
    image = Image.open(io.BytesIO(data))
    if listen(image.load, _COMPLAINT)[1]:
        raise OSError('damaged pixel data')


def _each(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (int(value),)


def _set_to_1(data: bytearray, offset: int, tag: int) -> None:
    """Give a tag of the page at ``offset`` the value 1, in place."""
    order, place = _order(data), 12 if _is_big(data) else 8
    start, size, count = _entries(data, offset)
    for entry in range(start, start + count * size, size):
        found, kind = struct.unpack_from(order + 'HH', data, entry)
        if found == tag:
            struct.pack_into(order + ('I' if kind == 4 else 'H'), data, entry + place, 1)


def _entries(data: bytes | bytearray, offset: int) -> tuple[int, int, int]:
    """Where the tags of a page start, the bytes of one, and how many there are."""
    big = _is_big(data)
    kind, head, size = ('Q', 8, 20) if big else ('H', 2, 12)
    if offset + head > len(data):
        raise SyntaxError('cut short')
    return offset + head, size, struct.unpack_from(_order(data) + kind, data, offset)[0]


def _order(data: bytes | bytearray) -> str:
    return '<' if data[:2] == b'II' else '>'


def _is_big(data: bytes | bytearray) -> bool:
    """Whether this is BigTIFF, with 64-bit offsets."""
    return ord('+') in data[2:4]
