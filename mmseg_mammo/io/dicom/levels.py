"""DICOM grey levels: turns stored values into levels in which dense tissue is bright. Pure.

H, W are height and width in pixels. Errors are ``ValueError`` with the attribute and its value;
the reader adds the file.
"""

from typing import Any

import numpy as np

from mmseg_mammo.io.dicom.header import is_filled, number_of, value_of, values_of
from mmseg_mammo.io.dicom.pixels import stored_range

TOP = np.iinfo(np.uint16).max


def display_levels(dataset: Any, pixels: np.ndarray, photometric: str, voi: bool) -> np.ndarray:
    """Rescale, window and inversion, in this order (PS3.3 C.11.1, C.11.2), as uint8 or uint16.

    Args:
        dataset: A pydicom data set.
        pixels: H×W, stored values.
        photometric: ``MONOCHROME1`` or ``MONOCHROME2``.
        voi: Whether the VOI LUT or window is applied.

    Raises:
        ValueError: An attribute is unusable or contradicts another, or makes all pixels alike.
    """
    inside = detector_field(dataset, pixels)
    levels = _windowed(dataset, pixels) if voi else None
    if levels is not None:
        field = levels if inside is None else levels[inside]
        if field.min() == field.max() and np.ptp(_rescale(dataset, pixels)):
            raise ValueError('its window or VOI LUT makes every pixel alike')
        highest = np.uint16(TOP)
    else:
        levels = _to_levels(_rescale(dataset, pixels), inside)
        highest = (levels if inside is None else levels[inside]).max()
    if photometric == 'MONOCHROME1':
        levels = highest - levels
    if inside is not None:
        levels = levels.copy() if levels is pixels else levels
        levels[~inside] = levels[inside].min()
    return levels


def detector_field(dataset: Any, pixels: np.ndarray) -> np.ndarray | None:
    """Where there is no padding, H×W bool; None if there is none at all.

    Padding is Pixel Padding Value, up to its Range Limit, in the sign and depth of the pixels.
    """
    value, limit = (number_of(dataset, f'PixelPadding{end}') for end in ('Value', 'RangeLimit'))
    if value is None:
        return None
    found = [_as_stored(dataset, v) for v in (value, value if limit is None else limit)]
    ends = [end for end in found if end is not None]
    if len(ends) < 2:
        return None
    inside = (pixels < min(ends)) | (pixels > max(ends))
    return inside if inside.any() and not inside.all() else None


def _as_stored(dataset: Any, value: float) -> int | None:
    """A padding value as the pixels hold it; None for one that they cannot hold.

    Its type may have the other sign than the pixels (US 63536 is SS -2000), or more bits than
    Bits Stored; of the latter, only what ends up at an end of the stored range is understood.
    """
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    signed = int(dataset.get('PixelRepresentation') or 0)
    low, high = stored_range(stored, signed)
    wrapped = int(value) % (1 << allocated)
    if signed and wrapped >> (allocated - 1):
        wrapped -= 1 << allocated
    for candidate in (int(value), wrapped):
        if low <= candidate <= high:
            return candidate
    masked = wrapped % (1 << stored)
    return {low % (1 << stored): low, high: high}.get(masked)


def _windowed(dataset: Any, pixels: np.ndarray) -> np.ndarray | None:
    """Rescale and VOI of pixels as uint16; None without a VOI.

    Both take each value by itself. So they are applied to a table of the stored values that can
    be there, where these are fewer than the pixels: whole images as float64 are slow.
    """
    low, high = int(pixels.min()), int(pixels.max())
    if high - low >= pixels.size or values_of(dataset, 'ModalityLUTSequence'):
        return _voi_output(dataset, _rescale(dataset, pixels))
    stored = np.arange(low, high + 1).astype(pixels.dtype)
    table = _voi_output(dataset, _rescale(dataset, stored))
    if table is None:
        return None
    wide = pixels if low >= 0 else pixels.astype(np.int64)  # -32768 to 32767 do not fit
    found: np.ndarray = table[wide - low]
    return found


def _rescale(dataset: Any, pixels: np.ndarray) -> np.ndarray:
    for sequence in values_of(dataset, 'ModalityLUTSequence'):
        for item in sequence:
            table = read_lut(item, pixels)
            if table is not None:
                first, entries = table
                depth = np.uint8 if entries.max() <= np.iinfo(np.uint8).max else np.uint16
                return _look_up(pixels, first, entries.astype(depth))
    slope, intercept = (number_of(dataset, f'Rescale{end}') for end in ('Slope', 'Intercept'))
    if slope is None and intercept is None:
        return pixels
    slope, intercept = float(1 if slope is None else slope), float(intercept or 0)
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        raise ValueError(f'Rescale Slope is {slope:g}, Rescale Intercept {intercept:g}')
    return pixels.astype(np.float64) * slope + intercept


def _voi_output(dataset: Any, values: np.ndarray) -> np.ndarray | None:
    """VOI output as uint16; 0 and 65535 are the ends of what it can give. None without a VOI."""
    for sequence in values_of(dataset, 'VOILUTSequence'):
        for item in sequence:
            table = read_lut(item, values)
            if table is not None:
                found = _look_up(np.rint(values), *table)
                return _stretch(found.astype(np.float64), 0, 2 ** _bits(table[1]) - 1)
    window = _window(dataset)
    if window is None:
        return None
    from pydicom.pixels import apply_windowing

    with np.errstate(over='ignore'):  # the exponential of SIGMOID
        low, high = apply_windowing(np.array([-1e30, 1e30]), window)
        return _stretch(apply_windowing(values, window).astype(np.float64), low, high)


def _window(dataset: Any) -> Any:
    """The first window of some width, with what pydicom needs to apply it; None if there is none."""
    from pydicom.dataset import Dataset

    ends = [_float_list(value_of(dataset, f'Window{name}')) for name in ('Center', 'Width')]
    for centre, width in zip(*ends, strict=False):
        if width == 0:
            continue  # says as little as an empty one
        if not (np.isfinite(centre) and width > 0):
            raise ValueError(f'Window Center is {centre:g}, Window Width {width:g}')
        window = Dataset()
        window.WindowCenter, window.WindowWidth = centre, width
        functions = _texts(value_of(dataset, 'VOILUTFunction'))
        window.VOILUTFunction = functions[0] if functions else 'LINEAR'
        window.PhotometricInterpretation = 'MONOCHROME2'
        window.BitsStored = dataset.BitsStored
        window.PixelRepresentation = dataset.get('PixelRepresentation') or 0
        for name in ('RescaleSlope', 'RescaleIntercept'):
            value = number_of(dataset, name)
            setattr(window, name, (name == 'RescaleSlope') if value is None else value)
        return window
    return None


def _float_list(value: Any) -> list[float]:
    if value is None:
        return []
    several = value if isinstance(value, (list, tuple)) or hasattr(value, 'append') else [value]
    return [float(item) for item in several if is_filled(item)]


def _texts(value: Any) -> list[str]:
    several = [value] if isinstance(value, str) else value or []
    return [str(item).strip().upper() for item in several if str(item).strip()]


def read_lut(item: Any, values: np.ndarray) -> tuple[int, np.ndarray] | None:
    """A LUT of PS3.3 C.11.1.1 as (first value, entries); None if it is empty.

    Files write 8-bit entries as bytes or as words, and numbers with the sign of another type.
    How many bits they declare for an entry is not believed: an image would come out nearly
    black, or cut off, where the entries have others.

    Raises:
        ValueError: Descriptor and data contradict each other in length.
    """
    descriptor, data = item.get('LUTDescriptor'), item.get('LUTData')
    if not (is_filled(descriptor) and is_filled(data)):
        return None
    count, first = int(descriptor[0]) % (1 << 16) or 1 << 16, int(descriptor[1])
    if first >= 1 << 15 and values.max() < first:
        first -= 1 << 16
    elif first < 0 and values.min() >= first + (1 << 16):
        first += 1 << 16
    if isinstance(data, (bytes, bytearray)):
        if item.original_encoding[1] is False:  # words of a big endian file, which pydicom leaves
            data = np.frombuffer(data[: len(data) // 2 * 2], '>u2').astype('<u2').tobytes()
        words = np.frombuffer(data[: len(data) // 2 * 2], '<u2').astype(np.int64)
        octets = np.frombuffer(data, np.uint8)
    else:
        words = np.asarray(data, dtype=np.int64).ravel() & 0xFFFF
        octets = words.astype('<u2').view(np.uint8)  # two in a word
    if len(words) == count:
        return first, words
    if len(octets) in (count, count + 1):  # an odd number is padded
        return first, octets[:count].astype(np.int64)
    raise ValueError(f'LUT Descriptor tells of {count} entries, LUT Data holds {len(words)}')


def _look_up(values: np.ndarray, first: int, entries: np.ndarray) -> np.ndarray:
    return entries[np.clip(values.astype(np.int64) - first, 0, len(entries) - 1)]


def _bits(entries: np.ndarray) -> int:
    return max(1, int(entries.max()).bit_length())


def _to_levels(values: np.ndarray, inside: np.ndarray | None) -> np.ndarray:
    """Values without a window as uint8 or uint16: as they are, shifted, or else stretched."""
    if values.dtype in (np.uint8, np.uint16):
        return values
    field = values if inside is None else values[inside]
    low, high = float(field.min()), float(field.max())
    if high - low > TOP or not np.array_equal(np.rint(values), values):
        return _stretch(values.astype(np.float64), low, high)
    shift = 0 if low >= 0 and high <= TOP else low
    return np.clip(values - shift, 0, TOP).astype(np.uint16)


def _stretch(values: np.ndarray, low: float, high: float) -> np.ndarray:
    scale = TOP / (high - low) if high != low else 0.0
    return np.rint(np.clip((values - low) * scale, 0, TOP)).astype(np.uint16)
