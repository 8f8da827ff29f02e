"""DICOM geometry: the pixel spacings of a header. Pure; reads no pixels."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmseg_mammo.io.dicom.header import number_of, value_of
from mmseg_mammo.io.spacing import Spacing, parse_magnification, spacing_fault

_DIGITISED_FILM = 'DF'  # a Conversion Type
# What pydicom raises when it is asked for a number that is none, and header.py for two that
# differ: it means an unknown spacing, and must not keep an image from being read.
_BAD_VALUE = (ValueError, TypeError, ArithmeticError)


class Geometry(NamedTuple):
    """What a header says of the size of its pixels; see :class:`.DicomInfo`."""

    pixel_spacing: Spacing | None
    imager_pixel_spacing: Spacing | None
    magnification: float | None
    notes: tuple[str, ...]


def geometry_of(dataset: Any) -> Geometry:
    """The spacings and the magnification of an image; what is nonsense is unknown, and noted.

    A digitised film has Nominal Scanned Pixel Spacing, on the film, which lay where a detector
    would: it stands for Imager Pixel Spacing where that is missing. Of any other Secondary
    Capture it is the spacing of a sheet of paper or of a screen, and is left aside.
    """
    notes: list[str] = []
    shape = (int(dataset.Rows), int(dataset.Columns))
    pixel = _spacing(dataset, 'PixelSpacing', shape, notes)
    imager = _spacing(dataset, 'ImagerPixelSpacing', shape, notes)
    if imager is None and str(dataset.get('ConversionType') or '').strip() == _DIGITISED_FILM:
        imager = _spacing(dataset, 'NominalScannedPixelSpacing', shape, notes)
    return Geometry(pixel, imager, _magnification(dataset, notes), tuple(notes))


def _spacing(dataset: Any, name: str, shape: tuple[int, int], notes: list[str]) -> Spacing | None:
    try:
        value = value_of(dataset, name)
        if value is None:
            return None
        row, column = (float(one) for one in _listed(value))
    except _BAD_VALUE:
        notes.append(f'{name} is not two numbers; taken as unknown')
        return None
    if not (0 < row < math.inf and 0 < column < math.inf):
        notes.append(f'{name} is {row:g} {column:g}; taken as unknown')
        return None
    if fault := spacing_fault((row, column), shape):
        notes.append(f'{name} {row:g} {column:g} {fault}; taken as unknown')
        return None
    return row, column


def _listed(value: Any) -> Sequence[Any]:
    """The values of an attribute; of a single one, a list of it."""
    several = not isinstance(value, str | float | int) and hasattr(value, '__len__')
    return value if several else [value]


def _magnification(dataset: Any, notes: list[str]) -> float | None:
    name = 'EstimatedRadiographicMagnificationFactor'
    try:
        value = number_of(dataset, name)
        return None if value is None else parse_magnification(str(float(value)))
    except _BAD_VALUE:
        notes.append(f'{name} is not a number from 1 to 10; taken as unknown')
        return None
