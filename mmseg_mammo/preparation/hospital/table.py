"""Table input of a hospital: turns each row into a checked entry."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.image import image_suffix
from mmseg_mammo.io.table import Record, fold, read_records
from mmseg_mammo.preparation.hospital.drawings import Drawings, add_drawings
from mmseg_mammo.preparation.hospital.entry import (
    COLUMNS,
    Entry,
    Gaps,
    Problem,
    Raw,
    collect,
)
from mmseg_mammo.preparation.hospital.names import tells_nothing
from mmseg_mammo.preparation.hospital.spacing import read_spacing
from mmseg_mammo.preparation.hospital.spelling import (
    check_column,
    fixed_cells,
    spell,
    translate,
    unused_words,
)

# Of a table of annotate-next: its masks are a model's, and nobody has looked until a row says so.
_PROPOSED = {'for_test', 'why', 'key'}
_BOX_WORDS = ('bbox', 'boundingbox', 'xmin', 'ymin', 'xmax', 'ymax')  # what others call a box

_NO_LESION = (
    *('normal', 'norm', 'healthy', 'unremarkable', 'negative', 'absent', 'nothing', 'nil', 'no'),
    *('unknown', 'false', '0', 'no finding', 'no findings', 'no lesion', 'no lesions'),
    *('no abnormality', 'no abnormalities', 'no abnormal finding', 'no abnormal findings'),
)


@dataclass(frozen=True)
class Reading:
    """What a user says of the words in a table.

    Args:
        values: Of :func:`.parse_values`.
        overwrite: Columns that a value for every row may replace what the table says in.
        sheet: Of a workbook; '' takes its only one.
        notes: Gets what the table has no row for.
    """

    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    overwrite: Collection[str] = ()
    sheet: str = ''
    notes: list[str] = field(default_factory=list)


def read_hospital_table(
    table: Path,
    root: Path,
    columns: Mapping[str, str],
    fixed: Mapping[str, str],
    gaps: Gaps,
    reading: Reading | None = None,
    drawings: Drawings | None = None,
) -> tuple[list[Entry], list[Problem]]:
    """Read a hospital's table.

    Args:
        table: A CSV file, or a workbook of Excel.
        root: The folder that its relative paths start from.
        columns: Our column name -> theirs, where the two differ.
        fixed: Our column name -> a value for every row; '' clears the column.
        gaps: How to fill empty cells.
        reading: What its words mean.
        drawings: What was drawn on its images, of another file.

    Returns:
        The usable entries, one for each mask of a row or one without, and the rows that are not,
        both in the order of the table.

    Raises:
        DataIndexError: The file cannot be read, or lacks a column that is needed or mapped; see
            :func:`mmseg_mammo.io.table.read_records`.
    """
    reading = reading or Reading()
    _check_options(columns, fixed, reading)
    if table.is_dir():
        name = min((path.name for path in table.glob('*.csv')), default='index.csv')
        raise DataIndexError(f'{table} is a folder', f'the CSV file, for example {table / name}')
    theirs = {name: columns.get(name, name) for name in COLUMNS}
    needed = dict.fromkeys(['image', *columns, *reading.values])
    options = ' '.join(f'{name}=<yours>' for name in needed)
    remedy = f'Add the column, or name yours: --column {options}'
    masks = '' if 'mask' in fixed else theirs['mask']
    required = [theirs[name] for name in needed]
    known = tuple(theirs.values())
    records = read_records(table, required, remedy, known, masks, reading.sheet, listed=False)
    boxes = drawings or any(theirs['x1'] in record.cells for record in records[:1])
    if gaps.empty_mask == 'normal' and masks and not boxes:
        _check_mask_column(table, masks, records)
    raw = []
    for record in records:
        told = {name: record.cells.get(theirs[name], '') for name in COLUMNS}
        cells = {name: translate(name, cell, reading.values) for name, cell in told.items()}
        if record.cells.keys() >= _PROPOSED and tells_nothing(cells['annotated']):
            cells['annotated'] = 'no'
        _check_filled(table, record.number, cells, fixed, reading.overwrite)
        doubt = _lesion_hint({**cells, **dict.fromkeys(fixed, '')}) or _unread_mask(record, theirs)
        for mask in _masks_of(record, cells['mask'], reading):
            filled = {**cells, 'mask': mask, **fixed}
            raw.append(Raw(f'row {record.number}', filled, doubt))
    said = {name: {r.cells[theirs[name]] for r in records} for name in reading.values}
    said.setdefault('mask', set()).update(cell for r in records for cell in r.repeated)
    reading.notes.extend(unused_words(reading.values, said))
    return collect(add_drawings(raw, drawings, fixed) if drawings else raw, root, gaps)


def _masks_of(record: Record, mask: str, reading: Reading) -> list[str]:
    """The cells of a row that name masks; one at least, which may be empty."""
    cells = [translate('mask', cell, reading.values) for cell in record.repeated]
    return [cell for cell in cells if not tells_nothing(cell)] or cells[:1] or [mask]


def _check_options(columns: Mapping[str, str], fixed: Mapping[str, str], reading: Reading) -> None:
    for name, theirs in columns.items():
        check_column(name, COLUMNS)
        if not theirs:
            raise DataIndexError(
                f'--column {name}= names no column of yours',
                remedy=f'Say --column {name}=<yours>, or --set {name}=<one value for all rows>',
            )
    fixed_cells(fixed, COLUMNS)
    for name in reading.overwrite:
        if name not in fixed:
            raise DataIndexError(
                f'--overwrite-column {name}: nothing to overwrite it with',
                ', '.join(fixed) or 'columns of --set',
                'It lets --set replace what the table says',
            )


def _check_filled(
    table: Path,
    number: int,
    cells: Mapping[str, str],
    fixed: Mapping[str, str],
    overwrite: Collection[str],
) -> None:
    """Refuse a value for all rows where a row has another one; '' can only mean to clear it."""
    for name in fixed.keys() - set(overwrite):
        value, cell = fixed[name], cells[name]
        if value and not tells_nothing(cell) and cell != value and not _same(name, cell, value):
            raise DataIndexError(
                f'{table}, row {number}: {name} is {cell!r}, and --set {name}={value} would '
                'replace it',
                'a value for all rows of a column that is empty or says the same',
                f'Leave out --set {name}, or say --overwrite-column {name} if the table is wrong',
            )


def _same(name: str, cell: str, value: str) -> bool:
    try:
        if name == 'spacing_mm':
            return read_spacing(cell) == read_spacing(value)
        return spell(name, cell).lower() == spell(name, value).lower()
    except DataIndexError:
        return False


def _check_mask_column(table: Path, name: str, records: Sequence[Record]) -> None:
    if records and name not in records[0].cells:
        raise DataIndexError(
            f'{table} has no column {name}, so that every image would be normal; it has '
            f'{", ".join(records[0].cells)}',
            remedy='Name yours: --column mask=<yours>. If a reader found nothing in any image, '
            'say --set annotated=normal instead of --empty-mask-means normal',
        )


def _lesion_hint(cells: Mapping[str, str]) -> str:
    """What a row says that one of an image without lesion would not."""
    for name in ('pathology', 'finding'):
        terms = [term.strip().lower() for term in cells[name].split('+')]
        words = [' '.join(re.findall(r'[^\W_]+', term)) for term in terms]  # of ['No Finding'] too
        pairs = zip(terms, words, strict=True)
        if not all(tells_nothing(term) or word in _NO_LESION for term, word in pairs):
            return f'{name} is {cells[name]!r}'
    return ''


def _unread_mask(record: Record, theirs: Mapping[str, str]) -> str:
    """Where a row may have a mask that was not read."""
    if record.cut and not record.repeated:
        return 'the row ends before the last column'
    words = {fold('mask'), fold(theirs['mask'])}
    for name, cell in record.cells.items():
        named = name not in theirs.values() and any(word in fold(name) for word in words)
        if named and image_suffix(cell):
            return f'column {name} names {cell}; if that is a mask: --column mask={name}'
        if (
            name not in theirs.values()
            and fold(name).startswith(_BOX_WORDS)
            and not tells_nothing(cell)
        ):
            return f'column {name} is {cell}; if that is of a box: --column x1=… y1=… x2=… y2=…'
    return ''
