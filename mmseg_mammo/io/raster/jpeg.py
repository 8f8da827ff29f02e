"""JPEG decoder: refuses a damaged file, which libjpeg would fill in.

JPEG has no checksum. libjpeg decodes a damaged file to the end, fills in grey or shifted blocks,
and says so on standard error only; no reader in Python passes that on. So it is listened to.
It says nothing where damage leaves blocks over at the end: the file is then decoded again without
its last byte of pixels, of which it complains only if it needed that byte.
"""

import re
from functools import cache

import cv2
import numpy as np

from mmseg_mammo.io.raster.complaints import listen

# libjpeg's warnings on pixel data (jerror.h); others tell of metadata.
_DAMAGE = re.compile(rb'Corrupt JPEG data|Premature end of JPEG|Inconsistent progression')
_END = b'\xff\xd9'
_DECODE = cv2.imdecode


def decode_jpeg(data: bytes) -> np.ndarray | None:
    """Decode a JPEG file: H×W or H×W×3 (BGR) uint8; None if it is damaged.

    Damage that leaves a valid file, such as another value of one coefficient, is not found.

    Raises:
        ValueError: This OpenCV does not say when a file is damaged.
    """
    if not _hears_damage():
        raise ValueError('this build of OpenCV does not tell damaged JPEG files from whole ones')
    # Some releases of OpenCV fill the rows after a cut without a word.
    if data.find(_END, _scan(data)[0]) < 0:
        return None
    pixels, damaged = listen(
        lambda: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), _DAMAGE
    )
    if damaged or pixels is None:
        return None
    shortened = _without_last_byte(data)
    return pixels if shortened is None or _complains(shortened) else None


def _without_last_byte(data: bytes) -> bytes | None:
    """The file without its last byte of pixels; None where the decoder could do without.

    Huffman-coded files (SOF0 to SOF2) end with a byte of which they need at least one bit.
    """
    place, coded = _scan(data)
    end = data.find(_END, place)
    if not coded or end < 0:
        return None
    last = end - (2 if data[end - 2 : end] == b'\xff\0' else 1)
    return data[:last] + data[end:]


def _scan(data: bytes) -> tuple[int, bytes]:
    """Where the pixels start, after headers that may hold another picture; the marker SOF0 to SOF2."""
    place, coded = 2, b''
    while data[place : place + 1] == b'\xff' and data[place + 1 : place + 2] != b'\xda':
        marker = data[place + 1 : place + 2]
        coded = marker if marker in b'\xc0\xc1\xc2' else coded
        place += 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
    return place, coded


def _complains(data: bytes) -> bool:
    """Whether decoding, without most of its arithmetic, is complained of."""
    values = np.frombuffer(data, np.uint8)
    return listen(lambda: _DECODE(values, cv2.IMREAD_REDUCED_GRAYSCALE_8), _DAMAGE)[1]


@cache
def _hears_damage() -> bool:
    """Whether a picture with a hole in it is heard; once per process."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    data = cv2.imencode('.jpg', noise)[1].tobytes()
    middle = len(data) // 2
    return _complains(data[:middle] + bytes(512) + data[middle + 512 :])


def widen_lossless(data: bytes) -> tuple[bytes, int] | None:
    """A lossless JPEG (SOF3) as one of 16 bits, and its own precision; None of any other JPEG.

    Only the first prediction depends on the precision, so that all values of a sound file become
    higher by 2^15 - 2^(precision - 1) (ITU-T T.81, H.1.2). Those of a damaged one leave the range
    of the precision, where decoders would wrap them.
    """
    place = 2
    while data[place : place + 1] == b'\xff' and data[place + 1 : place + 2] != b'\xda':
        if data[place + 1] == 0xC3:
            return data[: place + 4] + b'\x10' + data[place + 5 :], data[place + 4]
        place += 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
    return None
