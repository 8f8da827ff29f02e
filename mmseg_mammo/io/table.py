"""Tables: reads what spreadsheets write as records of stripped text, and writes RFC 4180.

Accepted: workbooks of Excel (.xlsx); of CSV commas, semicolons, tabs or bars; UTF-8 with or
without byte-order mark, UTF-16 (the "Unicode text" of Excel); a first line ``sep=;``; comment lines
above the head; empty rows and columns; any line ends. What takes a guess is refused with its row.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.tables.workbook import is_workbook, read_sheet

_DELIMITERS = ',;\t|'
_SEP = re.compile(r'"?sep=(.?)"?[,;\t|]*\s*', re.IGNORECASE)
_ZERO_WIDTH = '\u200b\u200c\u200d\u2060\ufeff\u00ad'
_BLANK = ''.join(filter(str.isspace, map(chr, range(0x3001)))) + _ZERO_WIDTH
_KINDS = {
    b'PK\x03\x04': 'a workbook (.ods, .numbers), a damaged .xlsx or another ZIP file',
    b'\xd0\xcf\x11\xe0': 'a workbook of Excel (.xls, or .xlsx with a password)',
    b'PAR1': 'Parquet',
    b'\x1f\x8b': 'compressed by gzip',
    b'%PDF': 'PDF',
    b'{\\rtf': 'RTF',
    b'<': 'HTML or XML, whatever its name says',
}
_SAVE = 'Save it as CSV UTF-8'


class Record(NamedTuple):
    """One row of a table.

    ``number`` is the row as a spreadsheet shows it: the head of a plain table is row 1.
    ``cells`` has a value for every column; ``repeated`` has the filled cells of the column that
    may be repeated; ``cut`` says that the row is shorter than the head.
    """

    number: int
    cells: dict[str, str]
    repeated: tuple[str, ...] = ()
    cut: bool = False


def read_table(
    path: Path, required: Sequence[str], remedy: str = 'Add the column'
) -> list[dict[str, str]]:
    """The cells of :func:`read_records`."""
    return [record.cells for record in read_records(path, required, remedy)]


def read_records(
    path: Path,
    required: Sequence[str],
    remedy: str = 'Add the column',
    known: Sequence[str] = (),
    repeatable: str = '',
    sheet: str = '',
    listed: bool = True,
) -> list[Record]:
    """Read a CSV file or a workbook, checking for ``required`` columns.

    Cells lose the blanks around them and stay text: ``N/A`` is the text that it is.

    Args:
        path: The file.
        required: Columns that it must have.
        remedy: What to do about a missing column.
        known: Columns that are meant whatever their capitals, blanks and underscores
            (``Patient ID`` for ``patient_id``).
        repeatable: The one of ``known`` that may be there several times, also numbered, as Excel
            and pandas do (``mask``, ``mask2``, ``mask.1``).
        sheet: Of a workbook; '' takes its only one.
        listed: Whether the error of a missing column lists ``required``; users' own names may be wrong.

    Raises:
        DataIndexError: The file cannot be read, is of another kind or in another encoding; a
            column is missing or repeated; a value stands under no heading.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataIndexError(f'{path}: {error.strerror}', remedy='Check the path') from error
    rows: Iterator[tuple[int, list[str]]]
    if is_workbook(data):
        rows = ((n, [*map(_clean, row)]) for n, row in read_sheet(path, data, sheet))
    elif sheet:
        raise DataIndexError(f'{path} is no workbook with a sheet {sheet!r}', remedy='Leave it out')
    else:
        text = _text(path, data)
        rows = _rows(path, text, _delimiter(text, (*required, *known)))
    head = next(rows, (1, []))[1]
    header, places = _header(path, head, known, repeatable)
    missing = [name for name in required if name not in header]
    if missing:
        raise DataIndexError(
            f'{path}: missing column {", ".join(missing)}; it has '
            f'{", ".join(filter(None, header)) or "none"}',
            ', '.join(required) if listed else '',
            remedy,
        )
    unnamed = [place for place, name in enumerate(header) if place and not name]
    return [_record(path, n, row, header, places, unnamed) for n, row in rows]


def write_table(path: Path, columns: Sequence[str], records: Iterable[dict]) -> None:
    """Write ``records`` as an RFC 4180 CSV file with the given columns, atomically."""
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows(records)
    # Names that are not Unicode on the disk are told as they are shown.
    data = text.getvalue().encode(errors='backslashreplace')
    write_atomic(path, lambda stream: stream.write(data))


def fold(name: str) -> str:
    """A heading without capitals, blanks, underscores, hyphens and points."""
    return re.sub(r'[\W_]+', '', unicodedata.normalize('NFC', name)).casefold()


def _text(path: Path, data: bytes) -> str:
    kind = next((kind for mark, kind in _KINDS.items() if data.lstrip().startswith(mark)), '')
    if kind:
        raise DataIndexError(f'{path}: not a CSV file but {kind}', remedy=f'Open it there. {_SAVE}')
    encoding = 'utf-8-sig'
    if data[:2] in (b'\xff\xfe', b'\xfe\xff'):
        encoding = 'utf-16'
    elif 0 in data[:2]:  # UTF-16 without its mark; the first letter of a heading is ASCII
        encoding = 'utf-16-be' if data[0] == 0 else 'utf-16-le'
    try:
        text = data.decode(encoding).rstrip('\x1a\r\n')
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b'\n') + 1
        raise DataIndexError(
            f'{path}, line {line}: letters that are not UTF-8, perhaps Windows-1252; what they '
            'were cannot be told for sure',
            remedy=_SAVE,
        ) from error
    if '\0' in text:
        raise DataIndexError(f'{path}: not a CSV file (it holds zero bytes)', remedy=_SAVE)
    return text


def _delimiter(text: str, wanted: Iterable[str]) -> str:
    """The one that finds most of the wanted headings, else most headings, in the head."""
    declared, names = '', {fold(name) for name in wanted}
    for line in io.StringIO(text, newline=''):
        match = _SEP.fullmatch(line)
        if match:
            declared = match[1]
        elif line.strip(_BLANK + _DELIMITERS) and not line.startswith('#'):
            break
    else:
        line = ''

    def score(delimiter: str) -> tuple[int, int]:
        cells = [cell for cell in next(csv.reader([line], delimiter=delimiter), []) if cell]
        return len(names & {fold(cell) for cell in cells}), len(cells)

    return max(declared + _DELIMITERS, key=score)


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Number and stripped cells of every row that is not empty; the first is the head."""
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter, strict=True)
    # Most tables need no more than the faster of the two.
    clean = _clean if any(mark in text for mark in (*_ZERO_WIDTH, '="')) else str.strip
    number, begun = 0, False
    try:
        for row in reader:
            if number == 0 and _SEP.fullmatch(delimiter.join(row)):
                continue  # spreadsheets do not show it
            number += 1
            if begun or not (row and row[0].startswith('#')):
                cells = [clean(cell) for cell in row]
                if any(cells):
                    begun = True
                    yield number, cells
    except csv.Error as error:
        raise DataIndexError(
            f'{path}, row {number + 1}: not a row of a CSV file ({error})',
            'a cell in double quotes ends with one, and doubles those inside',
            _SAVE,
        ) from error


def _clean(cell: str) -> str:
    cell = cell.strip(_BLANK)
    # What keeps Excel from taking an identifier for a number.
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell


def _header(
    path: Path, head: Sequence[str], known: Sequence[str], repeatable: str
) -> tuple[list[str], list[int]]:
    """Our names of the columns, and where the repeatable one stands."""
    ours = {fold(name): name for name in known}
    header = [name if name in known else ours.get(fold(name), name) for name in head]
    places = []
    if repeatable:
        pattern = re.compile(re.escape(fold(repeatable)) + r'\d*')
        places = [
            place
            for place, name in enumerate(header)
            if name == repeatable or (name not in known and pattern.fullmatch(fold(name)))
        ]
    for place in places:
        header[place] = repeatable
    twice = {name for name in header if name and name != repeatable and header.count(name) > 1}
    if twice:
        raise DataIndexError(
            f'{path}: several columns {", ".join(sorted(twice))}',
            'one column of a name',
            'Rename or delete all but the one that is meant',
        )
    return header, places


def _record(
    path: Path,
    number: int,
    row: list[str],
    header: Sequence[str],
    places: Sequence[int],
    unnamed: Sequence[int],
) -> Record:
    cut = len(row) < len(header)
    if cut:
        row = row + [''] * (len(header) - len(row))
    beyond = len(row) > len(header) or unnamed
    stray = [*row[len(header) :], *(row[place] for place in unnamed)] if beyond else []
    if any(stray):
        raise DataIndexError(
            f'{path}, row {number}: {next(filter(None, stray))!r} stands under no column',
            'as many cells as the header has',
            'Put cells that contain a comma into double quotes, and give every column a heading',
        )
    cells = dict(zip(header, row, strict=False))
    repeated: tuple[str, ...] = ()
    if places:
        repeated = tuple(row[place] for place in places if row[place])
        cells[header[places[0]]] = next(iter(repeated), '')
    return Record(number, cells, repeated, cut)
