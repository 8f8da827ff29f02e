"""JPEG -> pixels, refusing what the decoder had to make up.

JPEG has no checksum. libjpeg decodes a damaged file to the end, fills in grey or shifted blocks,
and says so on standard error only; no reader in Python passes that on. So it is listened to.
It says nothing where damage leaves blocks over at the end: the file is then decoded again without
its last byte of pixels, of which it complains only if it needed that byte.
"""

import os
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np

# libjpeg's warnings on pixel data (jerror.h); others tell of metadata.
_DAMAGE = (b'Corrupt JPEG data', b'Premature end of JPEG', b'Inconsistent progression')
_END = b'\xff\xd9'
_LISTENING = threading.Lock()
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
    if _END not in data[-4096:]:
        return None
    pixels, damaged = _listen(data, cv2.imdecode)
    if damaged or pixels is None:
        return None
    shortened = _without_last_byte(data)
    return pixels if shortened is None or _listen(shortened, _thumbnail)[1] else None


def _without_last_byte(data: bytes) -> bytes | None:
    """The file without its last byte of pixels; None where the decoder could do without.

    Huffman-coded files (SOF0 to SOF2) end with a byte of which they need at least one bit.
    """
    place = 2
    coded = b''
    while data[place : place + 1] == b'\xff' and data[place + 1] != 0xDA:
        marker = data[place + 1 : place + 2]
        coded = marker if marker in b'\xc0\xc1\xc2' else coded
        place += 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
    end = data.find(_END, place)
    if not coded or end < 0:
        return None
    last = end - (2 if data[end - 2 : end] == b'\xff\0' else 1)
    return data[:last] + data[end:]


def _thumbnail(data: np.ndarray, _: int) -> Any:
    """All of the decoding but the arithmetic."""
    return _DECODE(data, cv2.IMREAD_REDUCED_GRAYSCALE_8)


@cache
def _hears_damage() -> bool:
    """Whether a picture with a hole in it is heard; once per process."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    data = cv2.imencode('.jpg', noise)[1].tobytes()
    middle = len(data) // 2
    return _listen(data[:middle] + bytes(512) + data[middle + 512 :], _DECODE)[1]


def _listen(data: bytes, decode: Callable[..., Any]) -> tuple[np.ndarray | None, bool]:
    """Pixels, and whether the decoder complained; what else is on standard error is passed on."""
    with _LISTENING, tempfile.TemporaryFile() as heard:
        try:
            before: int | None = os.dup(2)
        except OSError:  # closed, as in a daemon
            before = None
        os.dup2(heard.fileno(), 2)
        try:
            pixels = decode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        finally:
            if before is None:
                os.close(2)
            else:
                os.dup2(before, 2)
                os.close(before)
        heard.seek(0)
        lines = heard.read().splitlines(keepends=True)
    told = [line for line in lines if not line.startswith(_DAMAGE)]
    if told and before is not None:
        os.write(2, b''.join(told))
    return pixels, len(told) < len(lines)
