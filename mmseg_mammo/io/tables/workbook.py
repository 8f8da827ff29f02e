"""Workbooks: reads one sheet of an Excel file (.xlsx, .xlsm) as rows of text.

A cell is taken as Excel shows it where that tells identifiers apart: ``7`` with the number format
``00000`` is ``00007``. What a cell does not hold for sure is refused: formulas that no program
has calculated, and cells that are merged, of which all but the first are empty.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataIndexError

_PLACE = 'xl/workbook.xml'
_ZEROS = re.compile(r'0+')
# Excel keeps 15 digits of a number, and fills the rest with zeros.
_DIGITS = 15


def is_workbook(data: bytes) -> bool:
    """Whether a file is a workbook of Excel, not another ZIP file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _PLACE in archive.namelist()
    except zipfile.BadZipFile:
        return False


def read_sheet(path: Path, data: bytes, sheet: str = '') -> Iterator[tuple[int, list[str]]]:
    """Number and text of every row of one sheet that is not empty, but comments (``#``) above them.

    Args:
        path: What errors name.
        data: The whole file.
        sheet: Its name; '' takes the only sheet that is not empty.

    Yields:
        Pairs of the number that Excel shows, and the cells as far as the last column; '' for an
        empty one.

    Raises:
        DataIndexError: The file is damaged; there is no such sheet, or several; a formula has no
            result; or cells are merged.
    """
    told = _chosen(path, _load_book(path, data, data_only=False), sheet)
    if told.merged_cells.ranges:
        raise DataIndexError(
            f'{path}, sheet {told.title}: cells {min(map(str, told.merged_cells.ranges))} are merged',
            'a value in each cell',
            'Undo the merging, and fill in the cells',
        )
    formulas = [cell for row in told.iter_rows() for cell in row if cell.data_type == 'f']
    shown = _load_book(path, data, data_only=True)[told.title] if formulas else told
    for cell in formulas:
        if shown[cell.coordinate].value is None:
            raise DataIndexError(
                f'{path}, sheet {told.title}: the formula in {cell.coordinate} has no result',
                remedy='Open the file in Excel and save it, or save the sheet as CSV UTF-8',
            )
    begun = False
    for number, row in enumerate(shown.iter_rows(), start=1):
        cells = [_cell_text(cell) for cell in row]
        if any(cells) and (begun or not cells[0].startswith('#')):
            begun = True
            yield number, cells


def _load_book(path: Path, data: bytes, data_only: bool) -> Any:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of styles and extensions that hold no values
            return openpyxl.load_workbook(io.BytesIO(data), data_only=data_only)
    except Exception as error:  # many types; all mean that there is no table
        raise DataIndexError(
            f'{path}: not a readable workbook ({error})', remedy='Save it as CSV UTF-8'
        ) from error


def _chosen(path: Path, book: Any, name: str) -> Any:
    filled = [sheet for sheet in book.worksheets if any(map(any, sheet.values))]
    if name:
        found = [sheet for sheet in book.worksheets if sheet.title == name]
        if found:
            return found[0]
        raise DataIndexError(
            f'{path}: no sheet {name!r}', ', '.join(sheet.title for sheet in book.worksheets)
        )
    if len(filled) == 1:
        return filled[0]
    raise DataIndexError(
        f'{path}: {len(filled)} sheets with values',
        ', '.join(sheet.title for sheet in filled) or 'a sheet with a table',
        'Choose one with --sheet, or save it as CSV UTF-8' if filled else '',
    )


def _cell_text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ''
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if (isinstance(value, float) and value.is_integer()) or isinstance(value, int):
        if abs(value) >= 10**_DIGITS:
            return f'{value:.{_DIGITS - 1}E}'  # whatever follows was lost
        shown = str(int(value))
        positive = cell.number_format.split(';')[0]  # 00000;@ has one for text too
        return shown.zfill(len(positive)) if _ZEROS.fullmatch(positive) else shown
    return str(value).strip()
