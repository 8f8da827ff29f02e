"""Spacing of a hospital: what its table gives for files that do not tell the size of a pixel."""

from collections.abc import Mapping
from typing import Any

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.spacing import (
    format_spacing,
    parse_magnification,
    parse_spacing,
    same_spacing,
    spacing_at_breast,
    spacing_fault,
)
from mmseg_mammo.preparation.hospital.names import tells_nothing

ALLOWED = 'one length in mm, or two, of a row and of a column, such as 0.07 or 0.07 0.08'
# 0.07 in a table stands for 0.0701 in a header; detectors differ by more.
_SAME = 0.01


def read_spacing(cell: str) -> str:
    """A cell of the column ``spacing_mm`` as the index has it; '' where it tells nothing.

    Raises:
        DataIndexError: It is not one or two positive numbers.

    >>> read_spacing('0,07')
    '0.07 0.07'
    """
    if tells_nothing(cell):
        return ''
    try:
        return format_spacing(parse_spacing(cell))
    except ValueError:
        raise DataIndexError(f'spacing_mm {cell!r}', ALLOWED) from None


def fill_spacing(record: Mapping[str, Any], given: str) -> dict[str, Any]:
    """Fill the pixel spacing of an image whose file tells none.

    A file that tells one keeps its own: it comes from the device. Where the two contradict each
    other, nobody can say which of them is wrong, and the image is refused.

    Args:
        record: Of a written image, with the facts of its header; or of one that failed.
        given: Of :func:`read_spacing`; '' for none.

    Returns:
        The record; or one with a key ``error``.
    """
    if not given or 'error' in record:
        return dict(record)
    spacing = parse_spacing(given)
    assert spacing is not None
    shape = (record['original_height'], record['original_width'])
    if fault := spacing_fault(spacing, shape):
        return {'error': f'spacing_mm {given} {fault}. Allowed: {ALLOWED}.'}
    pixel, imager = (parse_spacing(record[n]) for n in ('pixel_spacing', 'imager_pixel_spacing'))
    factor = parse_magnification(record['magnification'])
    told = [one for one in (pixel, imager, spacing_at_breast(pixel, imager, factor)) if one]
    if not told:
        return {**record, 'pixel_spacing': given}
    if any(same_spacing(spacing, one, _SAME) for one in told):
        return dict(record)
    return {
        'error': f'spacing_mm is {given}, its header says {format_spacing(told[-1])}. Leave the '
        'cell empty to take that of the header, or correct the one that is wrong.'
    }
