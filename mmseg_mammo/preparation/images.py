"""Reading, resizing and writing single images; no torch, no mmseg.

Shape shorthand: H, W are height and width in pixels; pixel (0, 0) is the top left.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.preparation.dicom import is_dicom, read_dicom

PARTIAL_PREFIX = '.partial-'
RASTER_SUFFIXES = ('.png', '.jpg', '.jpeg', '.tif', '.tiff', '.pgm')


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write(stream)`` on a temporary neighbour of ``path``, then rename it into place.

    A killed process leaves either the old file, the new file, or none; never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL_PREFIX, dir=path.parent)
    try:
        with os.fdopen(handle, 'wb') as stream:
            write(stream)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp is private; a shared data folder is not
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write an H×W (grey) or H×W×3 (BGR) uint8 or uint16 array as PNG, atomically."""
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DataFileError(f'{path}: cannot write {pixels.dtype} as PNG', 'uint8, uint16')
    encoded = cv2.imencode('.png', pixels)[1]
    write_atomic(path, lambda stream: stream.write(encoded.tobytes()))


def read_raster(path: Path) -> np.ndarray:
    """Read a PNG, JPEG, TIFF or PGM file as grey levels.

    Returns:
        H×W, uint8 or uint16 as stored. Colour files whose channels agree are accepted.

    Raises:
        DataFileError: The file is missing, corrupt, coloured, or of another type.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataFileError(
            f'{path}: {error.strerror or error}', remedy='Check the path in the index or table'
        ) from error
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if pixels is None or _is_cut_short(data):
        raise DataFileError(
            f'{path}: not a readable image, probably truncated or corrupt',
            ', '.join(RASTER_SUFFIXES),
            'Copy it again from its source, or run the preparation that wrote it again',
        )
    if pixels.ndim == 3:
        colour = pixels[..., :3]
        # JPEG chroma rounding may differ by a few levels on grey pictures.
        if int(np.ptp(colour.astype(np.int32), axis=2).max()) > 8:
            raise DataFileError(f'{path}: a colour image', 'grey levels', 'Export it as greyscale')
        pixels = colour[..., 0]
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DataFileError(f'{path}: pixels are {pixels.dtype}', 'uint8, uint16')
    return np.ascontiguousarray(pixels)


def _is_cut_short(data: np.ndarray) -> bool:
    """Whether a PNG or JPEG lacks its end marker (OpenCV fills the lost rows with grey)."""
    head, tail = data[:8].tobytes(), data[-4096:].tobytes()
    if head.startswith(b'\x89PNG'):
        return b'IEND' not in tail
    return head.startswith(b'\xff\xd8') and b'\xff\xd9' not in tail


def read_image(path: Path, voi: bool = True) -> np.ndarray:
    """Read a mammogram of any supported format: H×W, uint8 or uint16, lesions bright.

    Args:
        path: DICOM (by suffix or by its ``DICM`` preamble) or raster file.
        voi: See :func:`mmseg_mammo.preparation.dicom.read_dicom`.
    """
    return read_dicom(path, voi=voi)[0] if is_dicom(path) else read_raster(path)


def scale_to_long_side(shape: tuple[int, int], long_side: int) -> tuple[int, int]:
    """The (H, W) that ``shape`` becomes; 0, or a smaller image, leaves it as it is."""
    height, width = shape
    if long_side < 0:
        raise DataFileError(f'long side {long_side}', '0 (full resolution) or a positive number')
    if long_side == 0 or max(shape) <= long_side:
        return height, width
    factor = long_side / max(shape)
    return max(1, round(height * factor)), max(1, round(width * factor))


def resize_image(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Shrink H×W to ``shape`` = (H', W') by area average, dtype kept."""
    if image.shape == shape:
        return image
    return cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def resize_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize a mask by nearest neighbour; a lesion never vanishes.

    Args:
        mask: H×W, bool or uint8 with 0 as background.
        shape: (H', W').

    Returns:
        H'×W', dtype of ``mask``. Each pixel of a connected region that nearest neighbour would
        drop whole marks the pixel that it falls into instead.
    """
    if mask.shape == shape:
        return mask
    size = (shape[1], shape[0])
    values = mask.astype(np.uint8)
    resized = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST_EXACT)
    regions, labels = cv2.connectedComponents((values > 0).astype(np.uint8))
    kept = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    survives = np.bincount(kept.ravel(), minlength=regions) > 0
    if not survives[1:].all():
        rows, columns = np.nonzero((labels > 0) & ~survives[labels])
        places = rows * shape[0] // mask.shape[0], columns * shape[1] // mask.shape[1]
        resized[places] = values[rows, columns]
    return resized.astype(mask.dtype)
