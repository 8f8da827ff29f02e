"""Entry of a hospital: checks one row of its table, or one pair of its files."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmseg_mammo.errors import DataIndexError, MammoError
from mmseg_mammo.io.dicom.reader import is_dicom, read_info
from mmseg_mammo.io.index import VIEWS
from mmseg_mammo.io.mask import IMAGE_LABEL
from mmseg_mammo.io.shapes.drawing import Drawing
from mmseg_mammo.preparation.hospital.disk import fault_of, find_file, list_names, resolve_links
from mmseg_mammo.preparation.hospital.names import tells_nothing
from mmseg_mammo.preparation.hospital.regions import BOX, faults_of_region, read_box
from mmseg_mammo.preparation.hospital.spacing import read_spacing
from mmseg_mammo.preparation.hospital.spelling import spell

COLUMNS = (
    *('image', 'mask', 'patient_id', 'laterality', 'view', 'split', 'finding', 'pathology'),
    *('density', 'annotated', 'spacing_mm', 'mask_kind', *BOX),
)

ROUND = 'annotate_next.csv'  # of a folder of annotate-next: its choice
# What spreadsheets leave where they failed (#N/A, #NAME?, #NV, ####), and lost letters.
_BROKEN = re.compile(r'#(N/?[AV]|[\w/]+[!?]|#*)|.*\ufffd.*', re.IGNORECASE | re.DOTALL)
# 123456 as Excel shows a wide number: 1,23E+05 may be many patients.
_ROUNDED = re.compile(r'\d+([.,]\d+)?E[+-]\d+', re.IGNORECASE)


class Raw(NamedTuple):
    """A row as it was read.

    ``place`` names it in messages; ``cells`` has all ``COLUMNS``; ``doubt`` says why an image
    without lesion would be no fair reading of it, or is ''; ``drawn`` is of another file.
    """

    place: str
    cells: Mapping[str, str]
    doubt: str = ''
    drawn: Drawing | None = None


@dataclass(frozen=True)
class Entry:
    """One row of the input: one image, or one region of an image that has several rows.

    ``place`` names it in messages; ``relative`` is its path as the table or folder gives it;
    ``annotated`` is '' where the mask decides; ``header_patient`` says that the patient comes
    from a DICOM header; ``doubt`` is that of :class:`Raw`; ``spacing_mm`` is for files that tell
    no spacing; ``mask_kind`` is '' where that of the data set holds; ``default_split`` says that the row
    names no split. The other fields are those of ``index.Row``.
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
    doubt: str = ''
    spacing_mm: str = ''
    mask_kind: str = ''
    drawn: Drawing | None = None
    default_split: bool = False

    @property
    def region(self) -> Path | Drawing | None:
        """Where its lesion is: a mask, which comes before a box of the same row, or a drawing."""
        return self.mask or self.drawn


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used, and why; ``file`` is the image itself, links resolved."""

    place: str
    image: str
    message: str
    file: str = ''

    def __str__(self) -> str:
        """One line of a message."""
        return f'{self.place}: {self.message}'


@dataclass(frozen=True)
class Gaps:
    """How to fill what a row leaves open.

    Args:
        empty_mask: What an empty mask cell means: '' (unknown), or one of
            :data:`.EMPTY_MASK_MEANINGS`.
        split: The split of rows that give none.
        patient_pattern: Regular expression with one group, searched in the path of the image;
            '' uses the DICOM header instead.
        image_labels: Whether a lesion without a mask is one that nobody outlined, and not a mistake.
    """

    empty_mask: str = ''
    split: str = 'test'
    patient_pattern: str = ''
    image_labels: bool = False

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


def collect(raw: Iterable[Raw], root: Path, gaps: Gaps) -> tuple[list[Entry], list[Problem]]:
    """Turn cells into entries, and into problems where that fails.

    Args:
        raw: The rows.
        root: The folder that relative paths start from.
        gaps: How to fill empty cells.
    """
    entries, problems = [], []
    root, names = Path(resolve_links(root)), cache(list_names)
    for row in raw:
        try:
            entry = _fill(_entry(row, root, names, gaps.image_labels), gaps)
            problem = '; '.join(_faults(entry))
        except MammoError as error:
            problem = str(error)
        if problem:
            relative = _posix_path(row.cells['image'])
            file = resolve_links(find_file(root / relative, names))
            problems.append(Problem(row.place, relative, problem, file))
        else:
            entries.append(entry)
    return entries, problems


def _entry(row: Raw, root: Path, names: Callable[[str], list[str]], labels: bool) -> Entry:
    cells = row.cells
    broken = [name for name, cell in cells.items() if _BROKEN.fullmatch(cell)]
    if broken:
        raise DataIndexError(
            f'{broken[0]} {cells[broken[0]]!r} is what a spreadsheet leaves of a lost value',
            remedy='Correct the cell, or leave it empty',
        )
    image, mask = _posix_path(cells['image']), _posix_path(cells['mask'])
    annotated, kind = (spell(name, cells[name]) for name in ('annotated', 'mask_kind'))
    labelled = annotated == 'lesion' and (labels or kind == IMAGE_LABEL)
    if (annotated in ('normal', 'no') or labelled) and tells_nothing(mask):
        mask = ''  # R writes NA for an empty cell
    drawn = row.drawn or read_box(cells)
    weak = drawn is not None and drawn.weak and not mask
    if labelled and not mask and drawn is None:
        kind = IMAGE_LABEL
    return Entry(
        place=row.place,
        relative=image,
        image=find_file(root / image, names),
        mask=find_file(root / mask, names) if mask else None,
        patient_id=cells['patient_id'],
        laterality=spell('laterality', cells['laterality']),
        view=spell('view', cells['view']),
        split=spell('split', cells['split']),
        finding=cells['finding'].lower(),
        pathology=spell('pathology', cells['pathology']),
        density=cells['density'],
        annotated=annotated,
        doubt=row.doubt or ('it has a box' if drawn and mask else ''),
        spacing_mm=read_spacing(cells['spacing_mm']),
        mask_kind='weak' if weak else kind,
        drawn=drawn,
    )


def _posix_path(cell: str) -> str:
    """Tables written on Windows have backslashes; ``./a.png`` and ``a.png`` are one image."""
    return str(PurePosixPath(cell.replace('\\', '/'))) if cell else ''


def _fill(entry: Entry, gaps: Gaps) -> Entry:
    patient = entry.patient_id
    if not patient and gaps.patient_pattern:
        match = re.search(gaps.patient_pattern, entry.relative)
        patient = match[1] or '' if match else ''
    annotated = entry.annotated
    if not annotated and entry.region is None and gaps.empty_mask:
        annotated = spell('annotated', gaps.empty_mask)
        if annotated == 'normal' and entry.doubt:
            raise DataIndexError(
                f'no mask, but {entry.doubt}',
                remedy='Name the mask, or say in the column annotated whether a reader saw a '
                'lesion: normal or no',
            )
    laterality, view, header_patient = entry.laterality, entry.view, False
    incomplete = not (patient and laterality and view)
    if incomplete and not fault_of(entry.image) and is_dicom(entry.image):
        info = read_info(entry.image)
        # A pattern that did not match is an error; the header must not paper over it.
        header_patient = not patient and not gaps.patient_pattern
        patient = info.patient_id if header_patient else patient
        laterality = laterality or info.laterality
        tag = info.view.strip().upper()
        view = view or (tag if tag in VIEWS else 'OTHER')
    return replace(
        entry,
        patient_id=patient.strip(),
        laterality=laterality,
        view=view,
        split=entry.split or gaps.split,
        default_split=not entry.split,
        annotated=annotated,
        header_patient=header_patient,
    )


def _faults(entry: Entry) -> Iterator[str]:
    if not entry.relative:
        yield 'no image is named'
    elif fault := fault_of(entry.image):
        yield f'image {entry.image} {fault}'
    if entry.mask is not None and (fault := fault_of(entry.mask)):
        yield f'mask {entry.mask} {fault}'
    if entry.mask is not None and resolve_links(entry.mask) == resolve_links(entry.image):
        yield f'image and mask are the same file {entry.image}'
    if entry.drawn is not None and entry.drawn.fault:
        yield entry.drawn.fault
    yield from faults_of_region(entry.region is not None, entry.annotated, entry.mask_kind)
    if not entry.patient_id:
        yield 'no patient; give a patient_id or a --patient-pattern that matches its path'
    elif tells_nothing(entry.patient_id):
        yield f'patient {entry.patient_id!r} is nobody; give a patient_id'
    elif _ROUNDED.fullmatch(entry.patient_id):
        yield (
            f'patient {entry.patient_id!r} is a number that a spreadsheet rounded, so that several '
            'patients may look like one; format the column as text and export again'
        )
