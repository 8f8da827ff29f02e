"""Pixel spacing: how many millimetres a pixel is, on any grid of an image. Pure functions.

Spacings are (row, column): the distance of the centres of adjacent rows, then of adjacent
columns, in mm, as DICOM gives them (PS3.3 10.7.1.3). None, or an empty text, means *unknown*.
"""

import math
import re
from functools import lru_cache
from typing import Protocol

Spacing = tuple[float, float]
# Of an item of a data set what tells its size: of the whole image in mm, or None; its original grid.
SIZE_KEYS = ('extent_mm', 'original_height', 'original_width')
ALLOWED = 'lengths in mm, row then column, such as 0.07 0.07; a magnification from 1 to 10'
# No film and no detector is longer. A spacing in µm, or of 1 mm for want of a better one, is
# found by it.
_LONGEST_MM = 500.0
_SMALLEST_MM = 0.001  # a spacing in metres
# Contact views have 1.0 to 1.1, magnification views up to 2 (PS3.3 C.8.11.7).
_MAGNIFICATIONS = (1.0, 10.0)
_SAME = 1e-4  # values of a header are rounded


class Spaced(Protocol):
    """What has a size and perhaps a spacing: a row of the index."""

    @property
    def pixel_spacing(self) -> str:
        """Of the original grid, in the patient."""

    @property
    def imager_pixel_spacing(self) -> str:
        """Of the original grid, on the detector."""

    @property
    def magnification(self) -> str:
        """Of the breast on the detector, at least 1."""

    @property
    def original_height(self) -> int:
        """Rows of the original grid."""

    @property
    def original_width(self) -> int:
        """Columns of the original grid."""


def parse_spacing(text: str) -> Spacing | None:
    r"""Read a spacing as tables have it: two numbers, or one for both directions.

    Args:
        text: Such as ``0.07 0.08``, ``0.07``, ``[0.07, 0.07]`` (pydicom), ``0.07\0.07`` (DICOM)
            or ``0,07`` (a spreadsheet with decimal commas).

    Returns:
        Row and column in mm; None for an empty text.

    Raises:
        ValueError: It is not one or two positive numbers.

    >>> parse_spacing('[0.07, 0.085]'), parse_spacing('0,07'), parse_spacing('')
    ((0.07, 0.085), (0.07, 0.07), None)
    """
    bare = re.sub(r'[\[\]()\'"]', ' ', text)
    bare = bare.replace(',', ' ') if '.' in bare else re.sub(r',(?!\s)', '.', bare)
    values = [float(part) for part in re.split(r'[\s,;\\]+', bare) if part]
    if not values:
        return None
    if len(values) > 2 or not all(math.isfinite(value) and value > 0 for value in values):
        raise ValueError(text)
    return values[0], values[-1]


def format_spacing(spacing: Spacing | None) -> str:
    """The text of a spacing in ``index.csv``; '' for None.

    >>> format_spacing((0.07, 0.085))
    '0.07 0.085'
    """
    return ' '.join(f'{value:.10g}' for value in spacing) if spacing else ''


def parse_magnification(text: str) -> float | None:
    """Read a magnification; None for an empty text.

    Raises:
        ValueError: It is no number from 1 to 10.
    """
    if not text:
        return None
    value = float(text)
    if not _MAGNIFICATIONS[0] <= value <= _MAGNIFICATIONS[1]:
        raise ValueError(text)
    return value


def spacing_fault(spacing: Spacing, shape: tuple[int, int]) -> str:
    """Why an image of H×W pixels cannot have this spacing; '' if it can.

    >>> spacing_fault((70.0, 70.0), (3328, 2560))
    'makes the image 232960 × 179200 mm'
    """
    sides = [count * value for count, value in zip(shape, spacing, strict=True)]
    if max(sides) <= _LONGEST_MM and min(spacing) >= _SMALLEST_MM:
        return ''
    return f'makes the image {sides[0]:.6g} × {sides[1]:.6g} mm'


def fault_of_row(row: Spaced) -> str:
    """What is wrong with the spacings or the magnification of a row of the index; '' if nothing."""
    spacings = row.pixel_spacing, row.imager_pixel_spacing
    return _fault(*spacings, row.magnification, (row.original_height, row.original_width))


@lru_cache(maxsize=4096)  # the images of a detector have the same
def _fault(pixel: str, imager: str, magnification: str, shape: tuple[int, int]) -> str:
    for name, text in (('pixel_spacing', pixel), ('imager_pixel_spacing', imager)):
        try:
            spacing = parse_spacing(text)
        except ValueError:
            return f'{name} {text!r}'
        if spacing and (fault := spacing_fault(spacing, shape)):
            return f'{name} {text!r} {fault}'
    try:
        parse_magnification(magnification)
    except ValueError:
        return f'magnification {magnification!r}'
    return ''


def same_spacing(one: Spacing | None, other: Spacing | None, tolerance: float = _SAME) -> bool:
    """Whether two spacings are known and agree, by a relative tolerance."""
    if one is None or other is None:
        return False
    pairs = zip(one, other, strict=True)
    return all(math.isclose(a, b, rel_tol=tolerance) for a, b in pairs)


def spacing_at_breast(
    pixel: Spacing | None, imager: Spacing | None, magnification: float | None
) -> Spacing | None:
    """Millimetres of a pixel in the breast, from what the header of an image says.

    Pixel Spacing, where it was calibrated; else Imager Pixel Spacing, by the magnification where
    that is known. A Pixel Spacing equal to the imager's was not corrected for magnification
    (PS3.3 10.7.1.1), and says no more than that.

    Args:
        pixel: Pixel Spacing.
        imager: Imager Pixel Spacing, on the plane of the detector.
        magnification: Estimated Radiographic Magnification Factor, at least 1.

    >>> spacing_at_breast(None, (0.07, 0.07), 1.75)
    (0.04, 0.04)
    """
    if pixel is not None and not same_spacing(pixel, imager):
        return pixel
    if imager is None or magnification is None:
        return imager
    return imager[0] / magnification, imager[1] / magnification


def extent_mm(row: Spaced) -> tuple[float, float] | None:
    """Height and width of a whole image in mm, in the plane of the breast; None if unknown."""
    spacing = _at_breast(row.pixel_spacing, row.imager_pixel_spacing, row.magnification)
    if spacing is None:
        return None
    return row.original_height * spacing[0], row.original_width * spacing[1]


@lru_cache(maxsize=4096)
def _at_breast(pixel: str, imager: str, magnification: str) -> Spacing | None:
    known = parse_spacing(pixel), parse_spacing(imager), parse_magnification(magnification)
    return spacing_at_breast(*known)


def pixel_size(row: Spaced, shape: tuple[int, int]) -> Spacing | None:
    """Millimetres of a pixel on any grid of an image; see :func:`spacing_at_breast`.

    Args:
        row: Of the index.
        shape: (H, W) of the grid that the whole image was resized to.

    Returns:
        Height and width of a pixel in mm, which differ where the aspect ratio of the grid is not
        that of the image; None where the spacing is unknown.
    """
    extent = extent_mm(row)
    return None if extent is None else size_on(extent, shape)


def size_on(extent: tuple[float, float], shape: tuple[int, int]) -> Spacing:
    """Height and width of a pixel in mm, of an image of so many mm resized to (H, W) pixels.

    >>> size_on((240.0, 180.0), (480, 240))
    (0.5, 0.75)
    """
    return extent[0] / shape[0], extent[1] / shape[1]
