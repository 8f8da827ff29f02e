"""Table input of a hospital: turns each row into a checked entry."""

import re
from collections.abc import Mapping, Sequence
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

_OPTIONS = ('mask_kind', 'source')  # columns of index.csv that an option sets, not a table

_BOX_WORDS = ('bbox', 'boundingbox', 'xmin', 'ymin', 'xmax', 'ymax')  # what others call a box

_NO_LESION = (
    *('normal', 'norm', 'healthy', 'unremarkable', 'negative', 'absent', 'nothing', 'nil', 'no'),
    *('unknown', 'false', '0', 'no finding', 'no findings', 'no lesion', 'no lesions'),
    *('no abnormality', 'no abnormalities', 'no abnormal finding', 'no abnormal findings'),
)


def read_hospital_table(
    table: Path,
    root: Path,
    columns: Mapping[str, str],
    fixed: Mapping[str, str],
    gaps: Gaps,
    *,
    drawings: Drawings | None = None,
) -> tuple[list[Entry], list[Problem]]:
    """Read a hospital's CSV file.

    Args:
        table: The CSV file.
        root: The folder that its relative paths start from.
        columns: Our column name -> theirs, where the two differ.
        fixed: Our column name -> a value for every row.
        gaps: How to fill empty cells.
        drawings: What was drawn on its images, of a file of annotations.

    Returns:
        The usable entries, one for each mask of a row or one without, and the rows that are not,
        both in the order of the table.

    Raises:
        DataIndexError: The file cannot be read, or lacks a column that is needed or mapped; see
            :func:`mmseg_mammo.io.table.read_records`.
    """
    for name in (*columns, *fixed):
        if name not in COLUMNS:
            option = f'--{name.replace("_", "-")}'
            remedy = f'It is one value for the whole folder: {option}' if name in _OPTIONS else ''
            raise DataIndexError(f'Column {name!r}', ', '.join(COLUMNS), remedy)
        if not columns.get(name, name):
            raise DataIndexError(
                f'--column {name}= names no column of yours',
                remedy=f'Say --column {name}=<yours>, or --set {name}=<one value for all rows>',
            )
    if table.is_dir():
        name = min((path.name for path in table.glob('*.csv')), default='index.csv')
        raise DataIndexError(f'{table} is a folder', f'the CSV file, for example {table / name}')
    theirs = {name: columns.get(name, name) for name in COLUMNS}
    needed = dict.fromkeys(['image', *columns])
    options = ' '.join(f'{name}=<yours>' for name in needed)
    remedy = f'Add the column, or name yours: --column {options}'
    masks = '' if 'mask' in fixed else theirs['mask']
    required = [theirs[name] for name in needed]
    records = read_records(table, required, remedy, tuple(theirs.values()), masks)
    boxes = drawings or any(theirs['x1'] in record.cells for record in records[:1])
    if gaps.empty_mask == 'normal' and masks and not boxes:
        _check_mask_column(table, masks, records)
    raw = []
    for record in records:
        cells = {name: record.cells.get(theirs[name], '') for name in COLUMNS}
        doubt = _lesion_hint({**cells, **dict.fromkeys(fixed, '')}) or _unread_mask(record, theirs)
        told = [cell for cell in record.repeated if not tells_nothing(cell)]
        for mask in told or record.repeated[:1] or [cells['mask']]:
            filled = {**cells, 'mask': mask, **fixed}
            raw.append(Raw(f'row {record.number}', filled, doubt))
    return collect(add_drawings(raw, drawings, fixed) if drawings else raw, root, gaps)


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
