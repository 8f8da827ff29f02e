"""``index.csv``: the table of images that preparation writes and everything else reads.

One row per image; paths are relative to its folder. ``docs/data.md`` describes every column.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.files import uncollected
from mmseg_mammo.io.mask import MASK_KINDS, is_image_label
from mmseg_mammo.io.spacing import ALLOWED, fault_of_row
from mmseg_mammo.io.table import read_records, write_table
from mmseg_mammo.io.walk import files_in, is_plain

INDEX_NAME = 'index.csv'
_UNPREPARED = 'If it is the table of an export, prepare that first (docs/new_hospital.md); else add the column'
LATERALITIES = ('LEFT', 'RIGHT', '')
VIEWS = ('CC', 'MLO', 'ML', 'LM', 'LMO', 'SIO', 'XCC', 'XCCL', 'XCCM', 'FB', 'OTHER', '')
SPLITS = ('train', 'val', 'test')
# lesion: has a mask with lesion pixels, but for mask_kind=image-label; normal: a reader found nothing; no: nobody looked.
ANNOTATED = ('lesion', 'normal', 'no')
PATHOLOGIES = ('malignant', 'benign', 'benign_without_callback', 'normal', 'unknown')
# Columns whose values are chosen from a few; those of the last one are joined by +.
_TERMS = {
    'laterality': LATERALITIES,
    'view': VIEWS,
    'split': SPLITS,
    'annotated': ANNOTATED,
    'mask_kind': MASK_KINDS,
    'pathology': PATHOLOGIES,
}


@dataclass(frozen=True)
class Row:
    """One image of the index. Empty strings mean *unknown*, never *none*.

    ``finding`` and ``pathology`` may join several terms with ``+`` (``mass+calcification``).
    ``original_height`` and ``original_width`` are the pixels before any downscaling, and the
    spacings those of that grid, in mm, row and column (``0.07 0.07``); ask
    :func:`mmseg_mammo.io.spacing.pixel_size` for the size of a pixel. ``mask_share`` is the share of
    the mask's pixels that are lesion.
    """

    image: str
    mask: str
    patient_id: str
    laterality: str
    view: str
    split: str
    finding: str
    pathology: str
    density: str
    annotated: str
    mask_kind: str
    source: str
    original_height: int
    original_width: int
    study_uid: str = ''
    series_uid: str = ''
    sop_uid: str = ''
    pixel_spacing: str = ''
    imager_pixel_spacing: str = ''
    magnification: str = ''
    mask_share: str = ''


COLUMNS = tuple(field.name for field in fields(Row) if field.default is MISSING)
# An index without them is as good as one that has them empty.
OPTIONAL = tuple(field.name for field in fields(Row) if field.default is not MISSING)
_ALL = (*COLUMNS, *OPTIONAL)
_SIZES = {name: _ALL.index(name) for name in ('original_height', 'original_width')}
# What describes an image in results; the rest are paths and sizes.
DESCRIPTION = (
    'image',
    'patient_id',
    'laterality',
    'view',
    'split',
    'finding',
    'pathology',
    'density',
    'annotated',
    'mask_kind',
    'source',
)


def write_index(path: Path, rows: Iterable[Row]) -> None:
    """Write ``rows`` as CSV, atomically, after the checks that need no pixels."""
    rows = list(rows)
    check_rows(rows, path)
    write_table(path, (*COLUMNS, *OPTIONAL), [asdict(row) for row in rows])


def read_index(path: Path, check_files: bool = True) -> list[Row]:
    """Read and check an index.

    Args:
        path: The CSV file.
        check_files: Whether every image and mask must exist.

    Raises:
        DataIndexError: A column is missing; a value is not allowed; an image occurs twice; a
            patient is in two splits; or a file does not exist. The row number is that of
            the record, the header being row 1.
    """
    with uncollected():
        rows = [_parse(record, number, path) for number, record in _records(path)]
        if not rows:
            raise DataIndexError(f'{path}: no rows', 'one row per image')
        check_rows(rows, path)
    if check_files:
        _check_files(rows, path)
    return rows


def merge_terms(values: Iterable[str], order: Sequence[str] = ()) -> str:
    """Join the terms of several cells by ``+``, each term once.

    Args:
        values: Cells of ``finding`` or ``pathology``; empty ones add nothing.
        order: Terms that come first, in this order; others as they are met.

    >>> merge_terms(['mass', 'mass+calcification', ''])
    'mass+calcification'
    >>> merge_terms(['benign', 'malignant'], order=['malignant'])
    'malignant+benign'
    """
    terms = dict.fromkeys(term for value in values for term in value.split('+') if term)
    return '+'.join(
        [*(term for term in order if term in terms), *(t for t in terms if t not in order)]
    )


def check_rows(rows: Sequence[Row], path: Path) -> None:
    """Check allowed values, uniqueness of files, and that no patient is in two splits."""
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        _check_values(row, f'{path}, row {number}')
        for name in ('image', 'mask'):
            value = getattr(row, name)
            if value and seen.setdefault(value, number) != number:
                raise DataIndexError(
                    f'{path}, row {number}: {name} {value!r} is already in row {seen[value]}',
                    remedy='Keep one row per image; merge its regions into one mask',
                )
    check_patients(((f'row {n}', r.patient_id, r.split) for n, r in enumerate(rows, 2)), path)


def check_patients(places: Iterable[tuple[str, str, str]], path: Path) -> None:
    """Check that no patient is in two splits.

    Args:
        places: (what an error names, patient, split) of every row.
        path: The file that they come from.
    """
    splits: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for place, patient, split in places:
        splits[patient].setdefault(split, place)
    for patient, where in splits.items():
        if len(where) > 1:
            listed = ', '.join(f'{split} ({place})' for split, place in where.items())
            raise DataIndexError(
                f'{path}: patient {patient!r} is in several splits: {listed}',
                'one split per patient',
                'Move all images of the patient into one split',
            )


def _check_values(row: Row, place: str) -> None:
    if fault := _fault_of_terms(*(getattr(row, name) for name in _TERMS)):
        raise DataIndexError(f'{place}: {fault[0]}', fault[1])
    if not row.patient_id:
        raise DataIndexError(f'{place}: no patient_id', 'an identifier without personal data')
    if not row.image:
        raise DataIndexError(f'{place}: no image', 'a path inside the folder of the index')
    if min(row.original_height, row.original_width) < 1:
        raise DataIndexError(
            f'{place}: original size {row.original_height}×{row.original_width}',
            'the pixels of the image before downscaling',
        )
    if said := fault_of_row(row):
        raise DataIndexError(f'{place}: {said}', ALLOWED, 'Leave it empty where it is unknown')
    for name in ('image', 'mask'):
        value = getattr(row, name)
        if value and not is_plain(value):
            inside = 'a plain path inside the folder of the index'
            raise DataIndexError(f'{place}: {name} {value!r}', inside)
    if bool(row.mask) != (row.annotated == 'lesion' and not is_image_label(vars(row))):
        raise DataIndexError(
            f'{place}: annotated is {row.annotated!r} and mask is {row.mask!r}, mask_kind {row.mask_kind}',
            'a mask for lesion unless mask_kind is image-label, an empty cell for normal and no',
            'Say whether a reader saw the image: normal if nothing was found, no if nobody looked',
        )


@lru_cache(maxsize=4096)  # of many rows most say the same
def _fault_of_terms(*values: str) -> tuple[str, str] | None:
    """What is wrong with the values of :data:`_TERMS` and what is allowed; None if nothing."""
    *several, pathology = values
    for (name, allowed), value in zip(_TERMS.items(), several, strict=False):
        if value not in allowed:
            return f'{name} {value!r}', ', '.join(each or "''" for each in allowed)
    for term in filter(None, pathology.split('+')):
        if term not in PATHOLOGIES:
            return f'pathology {term!r}', ', '.join(PATHOLOGIES)
    return None


def _records(path: Path) -> list[tuple[int, dict[str, str]]]:
    if not path.exists():
        raise DataIndexError(
            f'{path}: No such file or directory',
            remedy='Check the path, or prepare the data first: mammoseg prepare, or prepare-cbis',
        )
    return [(record.number, record.cells) for record in read_records(path, COLUMNS, _UNPREPARED)]


def _parse(record: dict[str, str], number: int, path: Path) -> Row:
    values: list[str | int] = [record.get(name, '') for name in _ALL]
    for name, place in _SIZES.items():
        try:
            values[place] = int(record[name])
        except ValueError:
            raise DataIndexError(
                f'{path}, row {number}: {name} {record[name]!r}', 'a whole number of pixels'
            ) from None
    return Row(*values)  # type: ignore[arg-type]


def _check_files(rows: Sequence[Row], path: Path) -> None:
    """Check that files exist: by the listing of their folders, which costs one call for many."""
    listed: dict[str, Collection[str]] = {}
    for number, row in enumerate(rows, start=2):
        for relative in filter(None, (row.image, row.mask)):
            folder, _, name = relative.rpartition('/')
            if folder not in listed:
                listed[folder] = files_in(path.parent / folder)
            # A file system may take other capitals for the same name.
            if name not in listed[folder] and not (path.parent / relative).is_file():
                raise DataIndexError(
                    f'{path}, row {number}: {relative} does not exist under {path.parent}',
                    remedy='Prepare the data again; a second run makes only what is missing',
                )
