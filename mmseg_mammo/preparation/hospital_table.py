"""A hospital's own table -> one checked entry per row."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mmseg_mammo.errors import DataIndexError, MammoError
from mmseg_mammo.preparation.dicom import is_dicom, read_info
from mmseg_mammo.preparation.index import ANNOTATED, PATHOLOGIES, SPLITS, VIEWS, read_table

COLUMNS = (
    *('image', 'mask', 'patient_id', 'laterality', 'view', 'split', 'finding', 'pathology'),
    *('density', 'annotated'),
)
NOT_ANNOTATED = 'not-annotated'
EMPTY_MASK_MEANINGS = ('normal', NOT_ANNOTATED)

_LATERALITIES = {'': '', 'l': 'LEFT', 'left': 'LEFT', 'r': 'RIGHT', 'right': 'RIGHT'}
_SPLITS = {name: name for name in ('', *SPLITS)} | {'training': 'train', 'validation': 'val'}
_STATES = {name: name for name in ('', *ANNOTATED)} | {NOT_ANNOTATED: 'no'}
_VIEWS = {name.lower(): name for name in VIEWS}
_PATHOLOGIES = {name: name for name in ('', *PATHOLOGIES)} | {'b': 'benign', 'm': 'malignant'}


@dataclass(frozen=True)
class Entry:
    """One row of the input: one image, or one region of an image that has several rows.

    ``place`` names it in messages; ``relative`` is its path as the table or folder gives it;
    ``annotated`` is '' where the mask decides; ``header_patient`` says that the patient comes
    from a DICOM header. The other fields are those of ``index.Row``.
    """

    place: str
    relative: str
    image: Path
    mask: Path | None
    patient_id: str
    laterality: str
    view: str
    split: str
    finding: str
    pathology: str
    density: str
    annotated: str
    header_patient: bool = False


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used, and why."""

    place: str
    image: str
    message: str

    def __str__(self) -> str:
        """One line of a message."""
        return f'{self.place}: {self.message}'


@dataclass(frozen=True)
class Gaps:
    """How to fill what a row leaves open.

    Args:
        empty_mask: What an empty mask cell means: '' (unknown), or one of
            ``EMPTY_MASK_MEANINGS``.
        split: The split of rows that give none.
        patient_pattern: Regular expression with one group, searched in the path of the image;
            '' uses the DICOM header instead.
    """

    empty_mask: str = ''
    split: str = 'test'
    patient_pattern: str = ''

    def __post_init__(self) -> None:
        """Refuse patterns that cannot name a patient."""
        try:
            groups = re.compile(self.patient_pattern).groups
        except re.error as error:
            raise MammoError(f'Patient pattern {self.patient_pattern!r}: {error}') from error
        if self.patient_pattern and groups != 1:
            raise MammoError(
                f'Patient pattern {self.patient_pattern!r} has {groups} groups',
                'exactly one group, the patient; for example "^(P[0-9]+)_"',
            )


def read_hospital_table(
    table: Path, root: Path, columns: Mapping[str, str], fixed: Mapping[str, str], gaps: Gaps
) -> tuple[list[Entry], list[Problem]]:
    """Read a hospital's CSV file.

    Args:
        table: The CSV file.
        root: The folder that its relative paths start from.
        columns: Our column name -> theirs, where the two differ.
        fixed: Our column name -> a value for every row.
        gaps: How to fill empty cells.

    Returns:
        The usable entries, and the rows that are not, both in the order of the table.

    Raises:
        DataIndexError: The file cannot be read, or lacks a column that is needed or mapped.
    """
    for name in (*columns, *fixed):
        if name not in COLUMNS:
            raise DataIndexError(f'Column {name!r}', ', '.join(COLUMNS))
    if table.is_dir():
        name = min((path.name for path in table.glob('*.csv')), default='index.csv')
        raise DataIndexError(f'{table} is a folder', f'the CSV file, for example {table / name}')
    theirs = {name: columns.get(name, name) for name in COLUMNS}
    needed = dict.fromkeys(['image', *columns])
    options = ' '.join(f'{name}=<yours>' for name in needed)
    remedy = f'Add the column, or name yours: --column {options}'
    records = read_table(table, [theirs[name] for name in needed], remedy)
    if gaps.empty_mask == 'normal' and 'mask' not in fixed:
        _check_mask_column(table, theirs['mask'], records)
    raw = [
        (f'row {number}', {n: fixed.get(n, record.get(theirs[n], '')) for n in COLUMNS})
        for number, record in enumerate(records, start=2)
    ]
    return collect(raw, root, gaps)


def collect(
    raw: Iterable[tuple[str, Mapping[str, str]]], root: Path, gaps: Gaps
) -> tuple[list[Entry], list[Problem]]:
    """Turn cells into entries, and into problems where that fails.

    Args:
        raw: (what messages name, the cells of all ``COLUMNS``) of every row.
        root: The folder that relative paths start from.
        gaps: How to fill empty cells.
    """
    entries, problems = [], []
    for place, cells in raw:
        try:
            entry = _fill(_entry(place, cells, root.resolve()), gaps)
            problem = '; '.join(_faults(entry))
        except MammoError as error:
            problem = str(error)
        if problem:
            problems.append(Problem(place, _relative(cells['image']), problem))
        else:
            entries.append(entry)
    return entries, problems


def _check_mask_column(table: Path, name: str, records: Sequence[Mapping[str, str]]) -> None:
    if records and name not in records[0]:
        raise DataIndexError(
            f'{table} has no column {name}, so that every image would be normal; it has '
            f'{", ".join(records[0])}',
            remedy='Name yours: --column mask=<yours>. If a reader found nothing in any image, '
            'say --set annotated=normal instead of --empty-mask-means normal',
        )


def _entry(place: str, cells: Mapping[str, str], root: Path) -> Entry:
    image, mask = _relative(cells['image']), _relative(cells['mask'])
    pathology = '+'.join(
        _spelled('pathology', term, _PATHOLOGIES) for term in cells['pathology'].split('+')
    )
    return Entry(
        place=place,
        relative=image,
        image=root / image,
        mask=root / mask if mask else None,
        patient_id=cells['patient_id'],
        laterality=_spelled('laterality', cells['laterality'], _LATERALITIES),
        view=_spelled('view', cells['view'], _VIEWS),
        split=_spelled('split', cells['split'], _SPLITS),
        finding=cells['finding'].lower(),
        pathology=pathology,
        density=cells['density'],
        annotated=_spelled('annotated', cells['annotated'], _STATES),
    )


def _relative(cell: str) -> str:
    """Tables written on Windows have backslashes; ``./a.png`` and ``a.png`` are one image."""
    return str(PurePosixPath(cell.replace('\\', '/'))) if cell else ''


def _spelled(name: str, value: str, spellings: Mapping[str, str]) -> str:
    key = value.strip().lower()
    key = key if key in spellings else key.replace(' ', '_')
    if key not in spellings:
        allowed = dict.fromkeys(filter(None, spellings.values()))
        raise DataIndexError(f'{name} {value!r}', ', '.join(allowed))
    return spellings[key]


def _fill(entry: Entry, gaps: Gaps) -> Entry:
    patient = entry.patient_id
    if not patient and gaps.patient_pattern:
        match = re.search(gaps.patient_pattern, entry.relative)
        patient = match[1] or '' if match else ''
    annotated = entry.annotated
    if not annotated and entry.mask is None and gaps.empty_mask:
        annotated = _STATES[gaps.empty_mask]
    laterality, view, header_patient = entry.laterality, entry.view, False
    if not (patient and laterality and view) and entry.image.is_file() and is_dicom(entry.image):
        info = read_info(entry.image)
        # A pattern that did not match is an error; the header must not paper over it.
        header_patient = not patient and not gaps.patient_pattern
        patient = info.patient_id.strip() if header_patient else patient
        laterality = laterality or info.laterality
        view = view or _VIEWS.get(info.view.strip().lower(), 'OTHER')
    return replace(
        entry,
        patient_id=patient,
        laterality=laterality,
        view=view,
        split=entry.split or gaps.split,
        annotated=annotated,
        header_patient=header_patient,
    )


def _faults(entry: Entry) -> Iterator[str]:
    if not entry.relative:
        yield 'no image is named'
    elif not entry.image.is_file():
        yield f'image {entry.image} does not exist'
    if entry.mask is not None and not entry.mask.is_file():
        yield f'mask {entry.mask} does not exist'
    if entry.mask is not None and entry.mask.resolve() == entry.image.resolve():
        yield f'image and mask are the same file {entry.image}'
    if entry.mask is None and entry.annotated == 'lesion':
        yield 'annotated is lesion, but no mask is named'
    if entry.mask is None and not entry.annotated:
        yield (
            'no mask and no annotated value; say what that means by --empty-mask-means '
            f'{" or ".join(EMPTY_MASK_MEANINGS)}'
        )
    if not entry.patient_id:
        yield 'no patient; give a patient_id or a --patient-pattern that matches its path'
