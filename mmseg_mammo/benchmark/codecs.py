"""Codecs: what it costs to keep images compressed without loss, and to read them again."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.pixel_cache.packing import find_codec, pack_image, unpack_image
from mmseg_mammo.io.raster.decoder import decode_raster

PNG, CACHE = 'PNG', 'blosc2, LZ4 (the cache)'


class Codec(NamedTuple):
    """One way to keep images.

    Attributes:
        write: From an image, H×W uint8 or uint16, to its bytes.
        read: From the bytes and the image's shape and dtype to an image in memory of its own.
    """

    write: Callable[[np.ndarray], Any]
    read: Callable[[Any, tuple[int, int], np.dtype], np.ndarray]


def find_codecs() -> dict[str, Codec]:
    """Every codec that is compared, by name; PNG, as our files are written and read, is the first.

    Raises:
        MammoError: imagecodecs is not installed.
    """
    package = find_codec()
    if package is None:
        raise MammoError(
            'imagecodecs is not installed', remedy="pip install '.[dicom]' in the repository"
        )

    def write_zstd(image: np.ndarray) -> Any:
        return package.zstd_encode(image, level=1)

    def read_zstd(data: Any, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
        image = np.empty(shape, dtype)
        package.zstd_decode(data, out=image.view(np.uint8).reshape(-1))
        return image

    def write_blosc(image: np.ndarray) -> Any:
        settings = {'level': 1, 'compressor': 'zstd', 'shuffle': 'bitshuffle', 'numthreads': 1}
        return package.blosc2_encode(image, typesize=image.itemsize, **settings)

    return {
        PNG: Codec(
            lambda image: cv2.imencode('.png', image)[1].tobytes(),
            lambda data, shape, dtype: decode_raster(data, Path('a.png'), False, []),
        ),
        'as in memory': Codec(
            lambda image: image.tobytes(),
            lambda data, shape, dtype: np.frombuffer(data, dtype).reshape(shape).copy(),
        ),
        'zstd': Codec(write_zstd, read_zstd),
        'blosc2, zstd': Codec(write_blosc, lambda data, *kind: unpack_image(_bytes(data), *kind)),
        CACHE: Codec(_pack, lambda data, *kind: unpack_image(data, *kind)),
    }


def measure_codecs(
    images: Sequence[np.ndarray], codecs: Mapping[str, Codec], repeats: int
) -> list[dict[str, Any]]:
    """Write and read images by each codec, in turn.

    Args:
        images: H×W, uint8 or uint16.
        codecs: Of :func:`find_codecs`.
        repeats: Of each; the median counts.

    Returns:
        A row for each codec: ``codec``; ``write_seconds`` and ``read_seconds``, CPU time of a mean image;
        ``share``, its bytes by those in memory; ``png_by_this``, the reading of PNG by its own.

    Raises:
        MammoError: What was read is not what was written.
    """
    found = {name: _Sums() for name in codecs}
    for image in images:
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in codecs}
        for _ in range(repeats):
            for name, codec in codecs.items():
                seconds, size = _once(name, codec, image)
                times[name].append(seconds)
                found[name].size += 0 if len(times[name]) > 1 else size
        for name, each in times.items():
            writes, reads = zip(*each, strict=True)
            found[name].write += median(writes)
            found[name].read += median(reads)
    whole = sum(image.nbytes for image in images)
    png = found[PNG].read
    return [
        {
            'codec': name,
            'write_seconds': sums.write / len(images),
            'read_seconds': sums.read / len(images),
            'share': sums.size / whole,
            'png_by_this': png / sums.read if sums.read else None,
        }
        for name, sums in found.items()
    ]


class _Sums:
    """Over images."""

    def __init__(self) -> None:
        self.write, self.read, self.size = 0.0, 0.0, 0


def _once(name: str, codec: Codec, image: np.ndarray) -> tuple[tuple[float, float], int]:
    """Seconds of writing and of reading, and the size in bytes."""
    start = time.process_time()
    data = codec.write(image)
    middle = time.process_time()
    back = codec.read(data, (image.shape[0], image.shape[1]), image.dtype)
    end = time.process_time()
    if back.dtype != image.dtype or not np.array_equal(back, image):
        raise MammoError(f'{name}: {image.shape} of {image.dtype} came back otherwise')
    return (middle - start, end - middle), memoryview(data).nbytes


def _pack(image: np.ndarray) -> np.ndarray:
    packed = pack_image(image)
    if packed is None:
        raise MammoError(f'{CACHE}: an image that gets no smaller', 'images, not noise')
    return packed


def _bytes(data: Any) -> np.ndarray:
    return np.frombuffer(data, np.uint8)
