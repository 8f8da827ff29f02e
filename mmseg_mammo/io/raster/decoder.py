"""Raster decoder: turns PNG, JPEG, TIFF, BMP and PGM data into checked grey levels.

OpenCV decodes the pixels, which keeps 16 bits; Pillow reads what stands beside them and, where
OpenCV would lose it, palettes and transparency. H, W are height and width in pixels.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.silence import silence
from mmseg_mammo.io.raster import pgm, tiff
from mmseg_mammo.io.raster.jpeg import decode_jpeg
from mmseg_mammo.io.raster.kinds import READ, unread_jpeg, unread_kind

MAX_COLOUR = 8  # levels by which the channels of a grey picture differ after JPEG
_PNG_END = b'\0\0\0\0IEND\xaeB`\x82'
USUAL_GAMMA, GAMMA_TOLERANCE = 1 / 2.2, 0.02  # of PNG's gAMA, which nearly all writers give
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # EXIF and TIFF tag 274
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
_EXPORT = 'Export it as 8- or 16-bit greyscale, one plain picture'


class NotReadableError(Exception):
    """The pixels are damaged, or incomplete."""


def decode_raster(data: bytes, path: Path, labels: bool, notes: list[str]) -> np.ndarray:
    """Decode one file.

    Args:
        data: The whole file.
        path: What errors name.
        labels: Whether this is a mask. Its transparency may be the mask, and the indices of its
            palette labels.
        notes: Gets a line for what the file says beside its pixels and was followed.

    Returns:
        H×W, uint8 or uint16 as stored.

    Raises:
        DataFileError: The file is damaged, coloured, or says something beside its pixels that
            is not understood.
    """
    kind = unread_kind(data)
    if kind:
        raise DataFileError(f'{path}: {kind}', READ, _EXPORT)
    try:
        with silence():  # Pillow warns of metadata that nobody asks for
            pixels, turn = _decode_format(data, labels)
    except ValueError as error:
        raise DataFileError(f'{path}: {error}', remedy=_EXPORT) from error
    except Exception as error:  # decoders raise many types; all mean that there are no pixels
        if kind := unread_jpeg(data):
            raise DataFileError(f'{path}: {kind}', READ, _EXPORT) from error
        raise DataFileError(
            f'{path}: not a readable image, probably truncated or corrupt',
            'a whole PNG, JPEG, TIFF, BMP or PGM file',
            'Copy it again from its source, or run the preparation that wrote it again',
        ) from error
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DataFileError(f'{path}: pixels are {pixels.dtype}', 'uint8, uint16')
    if turn != 1:
        notes.append(f'{path.name} turned upright: its orientation is {turn}')
        pixels = _TURNS[turn](pixels)
    return np.ascontiguousarray(pixels)


def _decode_format(data: bytes, labels: bool) -> tuple[np.ndarray, int]:
    """Grey levels before turning, and the orientation (1 to 8)."""
    if data[:2] in pgm.MAGIC:
        return pgm.decode_pgm(data), 1
    if data[:4] in tiff.MAGIC:
        facts = tiff.read_tiff(data)
        pixels = _by_pillow(data, labels) if facts.by_pillow else _grey(_by_opencv(facts.data))
        return (~pixels if facts.white_is_zero else pixels), _check_turn(facts.orientation)
    from PIL import Image

    header = Image.open(io.BytesIO(data))
    _check_header(header, labels)
    turn = _check_turn(header.getexif().get(0x0112, 1)) if _has_exif(header, data) else 1
    if header.mode in ('P', 'PA'):
        return _by_pillow(data, labels), turn
    if header.format == 'PNG' and _PNG_END not in data:
        raise NotReadableError  # OpenCV fills the lost rows with grey
    decoded = decode_jpeg(data) if header.format == 'JPEG' else _by_opencv(data)
    if decoded is None:
        raise NotReadableError
    pixels = decoded
    key = header.info.get('transparency')
    if isinstance(key, int) and pixels.ndim == 2:  # one level of a grey PNG is transparent
        depth = data[24]
        step = 255 // (2**depth - 1) if depth < 8 else 1
        hidden = pixels == (255 * (key > 0) if depth == 1 else key * step)
        opaque = (~hidden).astype(pixels.dtype) * np.iinfo(pixels.dtype).max
        pixels = np.dstack([pixels, opaque])
    return _grey(pixels, labels), turn


def _check_header(header: Any, labels: bool) -> None:
    """Refuse what a header says and nothing here follows."""
    if header.format not in ('PNG', 'JPEG', 'BMP', 'PPM'):
        raise ValueError(f'a {header.format} file')
    if getattr(header, 'n_frames', 1) > 1:
        raise ValueError(f'{header.n_frames} pictures in one file')
    if header.mode == 'CMYK':
        raise ValueError('CMYK, the inks of a printer')
    gamma = header.info.get('gamma')
    profiled = {'srgb', 'icc_profile'} & header.info.keys()  # they go before gAMA
    if gamma and not labels and not profiled and abs(gamma - USUAL_GAMMA) > GAMMA_TOLERANCE:
        raise ValueError(f'its gAMA chunk says {gamma:g}, where 0.45455 is usual')


def _has_exif(header: Any, data: bytes) -> bool:
    """Whether a file may tell an orientation; of a PNG, Pillow decodes all pixels to know."""
    if header.format != 'PNG':
        return True
    return b'eXIf' in data or any('xmp' in key or 'exif' in key for key in header.info)


def _check_turn(orientation: object) -> int:
    if orientation in (None, 0, 1):
        return 1
    if orientation not in _TURNS:
        raise ValueError(f'its orientation is {orientation}, where 1 to 8 are defined')
    return int(str(orientation))


def _by_opencv(data: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if pixels is None:
        raise NotReadableError
    return pixels


def _by_pillow(data: bytes, labels: bool) -> np.ndarray:
    """Palettes, and transparency of TIFF, which OpenCV expands or drops."""
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    image.load()
    if image.mode not in ('P', 'LA', 'La', 'RGBA'):
        raise ValueError(f'stored as {image.mode}')
    if image.mode != 'P':
        return _grey(np.asarray(image.convert('LA') if image.mode == 'La' else image), labels)
    indices = np.asarray(image)
    used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256))
    palette = np.zeros((256, 3), np.uint8)
    colours = np.array(image.getpalette('RGB'), np.uint8).reshape(-1, 3)[:256]
    palette[: len(colours)] = colours
    if used.max() >= len(colours):
        raise NotReadableError
    opacity = np.full(256, 255, np.uint8)
    clear = image.info.get('transparency')
    if isinstance(clear, int):
        opacity[clear] = 0
    elif clear:
        opacity[: len(clear)] = np.frombuffer(clear, np.uint8)
    colourful = int(np.ptp(palette[used].astype(int), axis=1).max()) > MAX_COLOUR
    if colourful and labels and not palette[0].any():
        values = np.arange(256, dtype=np.uint8)  # a label map in the colours of its legend
    elif colourful:
        raise ValueError('a colour image (by its palette)')
    else:
        values = palette[:, 2]
    return _grey(np.dstack([values[indices], opacity[indices]]), labels)


def _grey(pixels: np.ndarray, labels: bool = False) -> np.ndarray:
    """Grey levels, H×W, of H×W or H×W×1 to 4 with transparency last."""
    if pixels.ndim == 2:
        return pixels
    count = pixels.shape[2]
    colours = pixels[..., : count - 1] if count in (2, 4) else pixels
    if count in (2, 4):
        alpha = pixels[..., -1]
        if _is_mask(colours, alpha, labels):
            return alpha
    # JPEG chroma rounding may differ by a few levels on grey pictures.
    if int(np.ptp(colours.astype(np.int32), axis=2).max()) > MAX_COLOUR:
        raise ValueError('a colour image')
    return colours[..., 0]


def _is_mask(colours: np.ndarray, alpha: np.ndarray, labels: bool) -> bool:
    """Whether the transparency is the mask; False where it says nothing.

    Raises:
        ValueError: It hides something, so that either may be meant.
    """
    low, high = int(alpha.min()), int(alpha.max())
    if low == high and (high == np.iinfo(alpha.dtype).max or (labels and high > 0)):
        return False
    if labels:
        visible = colours[alpha > 0]
        if not len(visible) and (colours == colours[0, 0]).all():
            return True  # an empty layer
        if len(visible) and (visible == visible[0]).all():
            return True  # one ink
        hidden = colours[alpha == 0]
    else:
        hidden = colours[alpha < np.iinfo(alpha.dtype).max]
    if hidden.any():
        raise ValueError('transparency hides a part of it')
    return False
