"""PGM and PBM decoder: returns values as stored, where OpenCV scales or clips some depths."""

import re

import numpy as np

MAGIC = (b'P1', b'P2', b'P4', b'P5')
_NUMBER = rb'(?:\s|#[^\n\r]*[\n\r])+(\d+)'


class DamagedError(Exception):
    """The file holds fewer values than its header says, or other ones."""


def decode_pgm(data: bytes) -> np.ndarray:
    """Values as stored, H×W, uint8 or, above 255, uint16; of a bitmap, black 0 and white 255.

    Raises:
        DamagedError: Values are missing, no numbers, or above the maximum of the header.
        ValueError: Something follows the picture, such as another one.
    """
    plain, bitmap = data[1:2] in b'12', data[1:2] in b'14'
    head = re.match(rb'P\d' + _NUMBER * (2 if bitmap else 3), data)
    if not head:
        raise DamagedError
    width, height, top = (int(number) for number in (*head.groups(), b'1')[:3])
    if not (0 < top < 1 << 16 and width and height):
        raise DamagedError
    if plain:
        values = _numbers(data[head.end() :], width * height, bitmap)
    else:
        values = _binary(data[head.end() + 1 :], width, height, 0 if bitmap else top)
    if values.max() > top:
        raise DamagedError
    if bitmap:
        return np.where(values, 0, 255).astype(np.uint8).reshape(height, width)
    return values.astype(np.uint8 if top < 256 else np.uint16).reshape(height, width)


def _numbers(text: bytes, count: int, bitmap: bool) -> np.ndarray:
    text = re.sub(rb'#[^\n\r]*', b'', text)
    words = list(b''.join(text.split()).decode('latin-1')) if bitmap else text.split()
    if len(words) < count or not all(word.isdigit() for word in words):
        raise DamagedError
    if len(words) > count:
        raise ValueError(f'{len(words)} values for {count} pixels')
    return np.array(words).astype(np.int64)


def _binary(rest: bytes, width: int, height: int, top: int) -> np.ndarray:
    """Values of the binary forms; ``top`` 0 means packed bits."""
    row = (width + 7) // 8 if top == 0 else width * (1 if top < 256 else 2)
    if len(rest) < row * height:
        raise DamagedError
    if rest[row * height :].lstrip()[:2] in (*MAGIC, b'P3', b'P6'):
        raise ValueError('several pictures in one file')
    if top == 0:
        packed = np.frombuffer(rest, np.uint8, row * height).reshape(height, row)
        return np.unpackbits(packed, axis=1)[:, :width]
    return np.frombuffer(rest, np.uint8 if top < 256 else '>u2', width * height)
