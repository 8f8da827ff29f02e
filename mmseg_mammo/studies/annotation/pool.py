"""Pool of images that may be annotated next: what is there, what is annotated already, whose it is."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.inference.prediction_folder.inputs import Input, find_inputs
from mmseg_mammo.io.dicom.reader import is_dicom, read_identity
from mmseg_mammo.io.index import INDEX_NAME, Row, read_index
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.table import read_records
from mmseg_mammo.preparation.hospital.entry import ROUND, Gaps
from mmseg_mammo.preparation.hospital.names import tells_nothing
from mmseg_mammo.preparation.hospital.spelling import spell

_TABLES = ('.csv', '.tsv', '.txt', '.xlsx')


@dataclass(frozen=True)
class Pool:
    """Images of a folder, a table or a prepared folder.

    Attributes:
        inputs: Those that may be annotated next.
        covered: Those that are annotated, or were chosen earlier, and why they are left out.
        sides: Patient -> ``train`` or ``test``, of images in ``covered``.
        before: Of these, the patients who have an image that was annotated and not chosen earlier.
        rows: Row of the index of a prepared image, by its file.
        pattern: Regular expression of the patient in the name of an image; '' is none.
    """

    inputs: list[Input]
    covered: list[tuple[Input, str]] = field(default_factory=list)
    sides: dict[str, str] = field(default_factory=dict)
    before: set[str] = field(default_factory=set)
    rows: Mapping[Path, Row] = field(default_factory=dict)
    pattern: str = ''

    def patient_of(self, source: Input) -> str:
        """The patient of an image: as it is given, of its name, or of its DICOM header; else the image.

        Raises:
            MammoError: The pattern does not match its name.
        """
        return patient_of(source, self.pattern)

    @property
    def without_patient(self) -> int:
        """How many images are of a patient that nobody tells."""
        return sum(self.patient_of(one).startswith('\0') for one in self.inputs)


def patient_of(source: Input, pattern: str = '') -> str:
    """The patient of an image; of one that nobody tells, a name that no other image has.

    Args:
        source: The image.
        pattern: Regular expression with one group, searched in its name.

    Raises:
        MammoError: It does not match.
    """
    if source.patient_id:
        return source.patient_id
    if pattern:
        match = re.search(pattern, source.image)
        if match is None or not match[1]:
            raise MammoError(
                f'{source.image}: --patient-pattern {pattern!r} finds no patient in it',
                remedy='Let the pattern match every name, or give a table with patient_id',
            )
        return match[1]
    try:
        found = read_identity(source.path).patient_id if is_dicom(source.path) else ''
    except MammoError:  # it is listed as one that cannot be read
        found = ''
    return found or f'\0{source.key}'


def read_pool(data: Path, out: Path, earlier: Sequence[Path] = (), pattern: str = '') -> Pool:
    """Find the images that may be annotated next.

    Args:
        data: A prepared folder or its index, a folder of raw images, or a table of them.
        out: Where the choice is written; nothing below it is an image of the pool.
        earlier: Folders of earlier choices, whose images are not chosen again.
        pattern: See :class:`Pool`.

    Raises:
        DataFileError: There is no image, or a table cannot be read.
        MammoError: All images are annotated or chosen already; the pattern does not fit, or an earlier choice
            knows another patient of an image.
    """
    Gaps(patient_pattern=pattern)  # checks it
    inputs = find_inputs([data], out)
    rows = _rows_of(inputs)
    reasons = {os.path.realpath(path): why for path, why in _annotated(data, rows)}
    sides_of = {os.path.realpath(path): side for path, side in _sides(data, rows)}
    chosen = {path: (side, patient, folder) for path, side, patient, folder in _chosen(earlier)}
    for path, (side, _, folder) in chosen.items():
        reasons.setdefault(path, f'chosen in {folder}')
        sides_of[path] = side
    free, covered, sides, before = [], [], {}, set()
    in_rounds: dict[str, str] = {}
    for source in inputs:
        real = os.path.realpath(source.path)
        if real in sides_of:
            patient = patient_of(source, pattern)
            sides[patient] = sides_of[real]
            if real not in chosen:
                before.add(patient)
            else:
                _check_patient(source, patient, *chosen[real][1:])
                if in_rounds.setdefault(patient, sides_of[real]) != sides_of[real]:
                    raise MammoError(
                        f'--earlier: images of patient {patient} were chosen for training and for testing',
                        'one side of a patient, who was not known then',
                        'Set for_test and split of one of them in that table, and prepare it again',
                    )
        if real in reasons:
            covered.append((source, reasons[real]))
        else:
            free.append(source)
    if not free:
        raise MammoError(
            f'{data}: all of its {len(inputs)} images are annotated or chosen already',
            'images that nobody has annotated',
            'Give the folder of the archive, whose index says annotated=no, or images without an index',
        )
    return Pool(free, covered, sides, before, rows, pattern)


def _check_patient(source: Input, patient: str, told: str, folder: Path) -> None:
    """Refuse an image whose patient an earlier choice knows, and this one not, or as another one."""
    if told and told != patient:
        now = 'nobody tells it now' if patient.startswith('\0') else f'{patient!r} now'
        raise MammoError(
            f'--earlier {folder}: the patient of {source.image} is {told!r} there, and {now}: patients would '
            'be trained on and tested on',
            remedy='Give the --patient-pattern, or the table, of the earlier round',
        )


def _rows_of(inputs: Sequence[Input]) -> dict[Path, Row]:
    """Rows of the indices of prepared images, by their files."""
    found: dict[Path, Row] = {}
    for source in inputs:
        if source.original_shape is None or source.path in found:
            continue
        index = next(p / INDEX_NAME for p in source.path.parents if (p / INDEX_NAME).is_file())
        for row in read_index(index, check_files=False):
            found[index.parent / row.image] = row
    return found


def _annotated(data: Path, rows: Mapping[Path, Row]) -> Iterator[tuple[Path, str]]:
    """Images that have an outline, or need none, and how they are annotated."""
    for path, row in rows.items():
        if row.annotated != 'no' and not is_image_label(vars(row)):
            yield path, f'annotated: {row.annotated}'
    for path, cells in _table_rows(data):
        state = spell('annotated', cells.get('annotated', ''))
        if state in ('lesion', 'normal'):
            yield path, f'annotated: {state}'
        elif not state and not tells_nothing(cells.get('mask', '')):
            yield path, 'annotated: it has a mask'


def _sides(data: Path, rows: Mapping[Path, Row]) -> Iterator[tuple[Path, str]]:
    """Images that somebody judged, and whether they are for testing; others' splits say nothing yet."""
    for path, row in rows.items():
        if row.annotated != 'no':
            yield path, 'test' if row.split == 'test' else 'train'
    judged = {path for path, _ in _annotated(data, {})}
    for path, cells in _table_rows(data):
        if path in judged:
            yield path, 'test' if spell('split', cells.get('split', '')) == 'test' else 'train'


def _table_rows(data: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Rows of a hospital's table by the file of the image; none of anything else."""
    if not data.is_file() or data.suffix.lower() not in _TABLES or data.name == INDEX_NAME:
        return
    known = ('image', 'mask', 'annotated', 'split')
    for record in read_records(data, ('image',), known=known):
        yield data.parent / record.cells['image'].replace('\\', '/'), record.cells


def _chosen(earlier: Sequence[Path]) -> Iterator[tuple[str, str, str, Path]]:
    """Files of earlier choices, whether they are for testing, their patients, and the folder of each."""
    for place in earlier:
        folder = place if place.is_dir() else place.parent
        if not (folder / ROUND).is_file():
            raise DataFileError(
                f'--earlier {place}: no {ROUND} in it', 'folders of mammoseg annotate-next'
            )
        known = ('image', 'for_test', 'patient_id')
        for record in read_records(folder / ROUND, known[:2], known=known):
            path = os.path.realpath(folder / record.cells['image'])
            side = 'test' if record.cells['for_test'].lower() in ('yes', 'true', '1') else 'train'
            yield path, side, record.cells.get('patient_id', ''), folder
