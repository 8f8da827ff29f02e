"""Packing: images as they lie in the cache, as in memory or compressed without loss by blosc2.

Blosc2 comes with imagecodecs, an optional package. Without it images are kept as in memory.
"""

from functools import lru_cache
from types import ModuleType

import numpy as np

# Bits of one weight together: the upper ones of a grey image repeat themselves. LZ4 is read up to twice as
# fast as zstd, and leaves a tenth more of 16 bits: docs/performance.md.
_SETTINGS = {'level': 1, 'compressor': 'lz4', 'shuffle': 'bitshuffle', 'numthreads': 1}


@lru_cache(maxsize=1)
def find_codec() -> ModuleType | None:
    """The package that compresses; None if it is not installed, or was built without blosc2."""
    try:
        import imagecodecs
    except ImportError:
        return None
    return imagecodecs if imagecodecs.BLOSC2.available else None


@lru_cache(maxsize=1)
def describe_packing() -> str:
    """What compresses, and its version: writers of one file write the same bytes. Empty: nothing does."""
    codec = find_codec()
    return f'{codec.blosc2_version()}: {_SETTINGS}' if codec else ''


def pack_image(image: np.ndarray) -> np.ndarray | None:
    """An image compressed, one-dimensional uint8; None if that is not possible, or would be no smaller.

    Args:
        image: H×W, uint8 or uint16, contiguous.
    """
    codec = find_codec()
    if codec is None or not image.size:
        return None
    packed = codec.blosc2_encode(image, typesize=image.itemsize, **_SETTINGS)
    return np.frombuffer(packed, np.uint8) if len(packed) < image.nbytes else None


def unpack_image(data: np.ndarray, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """The image that :func:`pack_image` was given, an array of its own.

    Args:
        data: One-dimensional uint8.
        shape: (H, W).
        dtype: uint8 or uint16.

    Raises:
        ValueError: It is no such image, or nothing here reads it.
    """
    codec = find_codec()
    if codec is None:
        raise ValueError('compressed, and imagecodecs is not installed')
    image = np.empty(shape, dtype)
    try:
        found = codec.blosc2_decode(data, numthreads=1, out=image.view(np.uint8).reshape(-1))
    except RuntimeError as error:  # blosc2's own
        raise ValueError(f'blosc2: {error}') from error
    if len(found) != image.nbytes:
        raise ValueError(f'{len(found)} bytes instead of {image.nbytes}')
    return image
