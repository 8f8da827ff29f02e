"""Images: reads, resizes, maps and writes the pixels of single images and masks.

Shape shorthand: H, W are height and width in pixels; pixel (0, 0) is the top left.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.reader import DICOM_SUFFIXES, is_dicom, read_dicom, read_dicom_labels
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.raster.decoder import decode_raster
from mmseg_mammo.io.raster.histogram import percentile
from mmseg_mammo.io.raster.regions import rescue_regions

RASTER_SUFFIXES = ('.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp', '.pgm')
# Of every format that is read here; DICOM files often have none.
SUFFIXES = (*RASTER_SUFFIXES, *DICOM_SUFFIXES, '.ima', '.img')
FORMATS = f'DICOM, {", ".join(RASTER_SUFFIXES)}'
BRIGHT_AIR = 'its border is brighter than its middle; inverted image?'
INTENSITIES = ('stored', 'minmax', 'percentile')


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write an H×W (grey) or H×W×3 (BGR) uint8 or uint16 array as PNG, atomically."""
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DataFileError(f'{path}: cannot write {pixels.dtype} as PNG', 'uint8, uint16')
    encoded = cv2.imencode('.png', pixels)[1]
    write_atomic(path, lambda stream: stream.write(encoded.tobytes()))


def write_picture(path: Path, pixels: np.ndarray, *options: int) -> None:
    """Write a picture for people, H×W or H×W×3 (BGR) uint8, atomically; ``options`` are OpenCV's."""
    encoded = cv2.imencode(path.suffix, pixels, options)[1]
    write_atomic(path, lambda stream: stream.write(encoded.tobytes()))


def read_picture(path: Path) -> np.ndarray:
    """Read a picture for people, such as an overlay: H×W×3 uint8 BGR.

    Raises:
        DataFileError: The file is missing or is no picture.
    """
    picture = cv2.imread(str(path))
    if picture is None:
        raise DataFileError(f'{path}: missing, or not a picture', 'a PNG or JPEG file')
    return picture


def read_raster(path: Path, labels: bool = False, notes: list[str] | None = None) -> np.ndarray:
    """Read a PNG, JPEG, TIFF, BMP or PGM file as grey levels.

    Args:
        path: The file.
        labels: Whether it is a mask; see :func:`mmseg_mammo.io.raster.decoder.decode_raster`.
        notes: Gets what the file says beside its pixels and was followed.

    Returns:
        H×W, uint8 or uint16 as stored. Colour files whose channels agree are accepted.

    Raises:
        DataFileError: The file is missing, corrupt, coloured, of another type, or says
            something beside its pixels that cannot be followed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataFileError(
            f'{path}: {error.strerror or error}', remedy='Check the path in the index or table'
        ) from error
    return decode_raster(data, path, labels, [] if notes is None else notes)


def image_suffix(name: str) -> str:
    """The ending of a file name that is that of an image format, as written; else ''.

    An ending may have several dots. The last number of a UID is none.

    >>> image_suffix('P1_LCC.PNG'), image_suffix('1.2.840')
    ('.PNG', '')
    """
    name = PurePosixPath(name).name
    endings = [end for end in SUFFIXES if name.lower().endswith(end) and len(name) > len(end)]
    return name[-max(map(len, endings)) :] if endings else ''


def is_image(path: Path) -> bool:
    """Whether a file is of a format that is read here, by its suffix or, of DICOM, its first bytes."""
    return path.suffix.lower() in RASTER_SUFFIXES or is_dicom(path)


def read_image(path: Path | str, voi: bool = True, notes: list[str] | None = None) -> np.ndarray:
    """Read a mammogram of any supported format: H×W, uint8 or uint16, lesions bright.

    Args:
        path: DICOM (by suffix or by its first bytes) or raster file.
        voi: See :func:`mmseg_mammo.io.dicom.reader.read_dicom`.
        notes: Gets what was odd about the file and how it was understood.
    """
    path = Path(path)
    if not is_dicom(path):
        return read_raster(path, notes=notes)
    levels, info = read_dicom(path, voi=voi)
    if notes is not None:
        notes += [f'{path.name}: {note}' for note in info.notes]
    return levels


def read_labels(path: Path, notes: list[str] | None = None) -> np.ndarray:
    """Read a mask of any supported format as labels: H×W, unsigned, values as stored.

    Args:
        path: DICOM or raster file.
        notes: Gets what the file says beside its pixels and was followed.
    """
    if is_dicom(path):
        return read_dicom_labels(path)
    return read_raster(path, labels=True, notes=notes)


def air_is_bright(image: np.ndarray) -> bool:
    """Whether the border of an image (H×W) is brighter than its middle, as if it were inverted.

    The medians of a frame between 3 and 10 % of each side (further out lie film edges) and of
    the middle half differ by a tenth of the range of levels. Of 1,965 public mammograms none is
    called so, and 82 % are once they are inverted; the others fill their film.
    """
    step = max(1, min(image.shape) // 256)
    sample = image[::step, ::step].astype(np.int32)
    height, width = sample.shape
    frame = np.zeros(sample.shape, dtype=bool)
    for share, value in ((0.03, True), (0.1, False)):
        rows, columns = int(share * height), int(share * width)
        frame[rows : height - rows, columns : width - columns] = value
    middle = sample[height // 4 : height - height // 4, width // 4 : width - width // 4]
    if not (frame.any() and middle.size):
        return False
    excess = float(np.median(sample[frame]) - np.median(middle))
    return excess > 0.1 * float(np.ptp(sample))


def scale_to_long_side(shape: tuple[int, int], long_side: int) -> tuple[int, int]:
    """The (H, W) of an image after downscaling; 0 or a smaller image changes nothing."""
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
        drop whole marks the pixel that its centre falls into instead.
    """
    if mask.shape == shape:
        return mask
    whole = np.ascontiguousarray(mask)
    values = whole.view(np.uint8) if mask.dtype == bool else whole.astype(np.uint8, copy=False)
    resized = cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    rescue_regions(values, resized)
    return resized.astype(mask.dtype)


def map_intensity(
    image: np.ndarray,
    intensity: str,
    percentiles: tuple[float, float] = (1.0, 99.0),
    inside: np.ndarray | None = None,
) -> np.ndarray:
    """Map the grey levels of one image; shape and depth are kept (:func:`true_depth`).

    Args:
        image: H×W, uint8 or uint16.
        intensity: ``'stored'`` changes no brightness. ``'minmax'`` stretches darkest to brightest
            over the whole range of the dtype, so that 12-bit files in 16-bit pixels are not
            black. ``'percentile'`` does so between ``percentiles`` and clips beyond, so that a
            white film frame or a burnt-in label does not set the scale.
        percentiles: Lower and upper percentile, 0 to 100.
        inside: H×W bool, the pixels that percentiles are of; None: all.
    """
    if intensity == 'stored':
        return true_depth(image, (257,))  # the same share of white
    image = true_depth(image)
    highest = int(image.max())
    if intensity == 'minmax':
        low, high = np.float64(image.min()), np.float64(highest)
    else:
        counted = image if inside is None else image[inside]
        low, high = (percentile(counted, share) for share in percentiles)
    top = np.iinfo(image.dtype).max
    # An image has more pixels than levels.
    levels = np.arange(highest + 1).astype(np.float32)
    scaled = (levels - low) * (top / max(high - low, 1.0))
    mapped: np.ndarray = np.rint(scaled).clip(0, top).astype(image.dtype)[image]
    return mapped


def true_depth(image: np.ndarray, steps: Sequence[int] = (257, 256, 1)) -> np.ndarray:
    """8-bit levels stored in 16 bits as uint8, up to their scale; any other image unchanged.

    The same levels are then the same input of a network from either file: resizing rounds to the
    levels of the dtype, and CLAHE makes more of such differences.

    Args:
        image: Any shape, uint8 or uint16, in which level k may be stored as 257·k (white stays
            white), 256·k (shifted by 8 bits), or k.
        steps: Which of these are looked for.
    """
    if image.dtype != np.uint16:
        return image
    top = int(image.max(initial=0))
    for step in steps:
        # A few rows tell nearly always, without a look at every pixel.
        if top <= 255 * step and not any((part % step).any() for part in (image[::64], image)):
            return (image // step).astype(np.uint8)
    return image


def rescale_to_255(image: np.ndarray) -> np.ndarray:
    """uint8 or uint16 -> float32, full range to 0 to 255, unrounded; floats keep their values."""
    if image.dtype.kind == 'f':
        return image.astype(np.float32)
    return image.astype(np.float32) * np.float32(255 / np.iinfo(image.dtype).max)
