"""Case tables of CBIS-DDSM: turns each row of the four CSV files into an :class:`Abnormality`.

Columns, quirks and subsets: Lee et al., Scientific Data 4:170177, 2017, and the files that the
Cancer Imaging Archive hands out with the collection.
"""

import codecs
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.index import PATHOLOGIES
from mmseg_mammo.io.table import read_table

PATIENT, BREAST, VIEW = 'patient_id', 'left or right breast', 'image view'
ABNORMALITY, PATHOLOGY = 'abnormality id', 'pathology'
IMAGE_PATH, CROP_PATH, MASK_PATH = PATHS = (
    'image file path',
    'cropped image file path',
    'ROI mask file path',
)
REQUIRED = (PATIENT, BREAST, VIEW, ABNORMALITY, PATHOLOGY, *PATHS)


@dataclass(frozen=True)
class Kind:
    """What the tables call one kind of abnormality; files and columns of it.

    Attributes:
        name: In the names of the CSV files.
        finding: As the index, and the column ``abnormality type``, call it.
        folder: How folders of images begin.
        density: Column of the breast density.
        descriptors: Columns that only this kind has.
    """

    name: str
    finding: str
    folder: str
    density: str
    descriptors: tuple[str, str]

    def file_name(self, split: str) -> str:
        """Name of the CSV file of a split, one of :data:`SPLITS`."""
        return f'{self.name}_case_description_{split}_set.csv'

    def folder_prefix(self, split: str) -> str:
        """How the folders of a split begin, such as ``Mass-Training``."""
        return f'{self.folder}-{SPLITS[split]}'

    def columns(self) -> tuple[str, ...]:
        """All columns of its CSV files, in their order."""
        first = (PATIENT, self.density, BREAST, VIEW, ABNORMALITY, 'abnormality type')
        return (*first, *self.descriptors, 'assessment', PATHOLOGY, 'subtlety', *PATHS)


MASS = Kind('mass', 'mass', 'Mass', 'breast_density', ('mass shape', 'mass margins'))
CALC = Kind('calc', 'calcification', 'Calc', 'breast density', ('calc type', 'calc distribution'))
KINDS = (MASS, CALC)
SPLITS = {'train': 'Training', 'test': 'Test'}  # as in the names of files, and of folders
FILE_NAMES = tuple(kind.file_name(split) for kind in KINDS for split in SPLITS)
# Subset -> rows of its table as the Cancer Imaging Archive hands it out.
PUBLISHED_ROWS = {
    'mass train': 1318,
    'mass test': 378,
    'calcification train': 1546,
    'calcification test': 326,
}
SUBSETS = tuple(PUBLISHED_ROWS)
_FOLDERS, _WORDS = '|'.join(kind.folder for kind in KINDS), '|'.join(SPLITS.values())
IMAGE_NAME = re.compile(rf'({_FOLDERS})-({_WORDS})_(P_\d{{5}})_(LEFT|RIGHT)_(CC|MLO)')
NAME = re.compile(IMAGE_NAME.pattern + r'(_\d+)?')  # of an image, or of one of its abnormalities
UID = re.compile(r'\d+(?:\.\d+){5,}')


@dataclass(frozen=True)
class Abnormality:
    """One row of a case description CSV: one outlined lesion of one image.

    ``image_name`` is the folder of the full image, for example ``Mass-Test_P_00016_LEFT_CC``;
    the three series are DICOM SeriesInstanceUIDs; ``mask_position`` is the place that the CSV
    gives the mask among the files of its series (0 or 1), which is often wrong.
    """

    table: str
    row: int
    image_name: str
    abnormality_id: str
    patient_id: str
    laterality: str
    view: str
    split: str
    finding: str
    pathology: str
    density: str
    image_series: str
    mask_series: str
    crop_series: str
    mask_position: int

    @property
    def name(self) -> str:
        """The folder of mask and crop, for example ``Mass-Test_P_00016_LEFT_CC_1``."""
        return f'{self.image_name}_{self.abnormality_id}'

    @property
    def subset(self) -> str:
        """One of :data:`SUBSETS`."""
        return f'{self.finding} {self.split}'


def has_column(path: Path, name: str) -> bool:
    """Whether the header of a CSV file names a column; tells known tables from other files."""
    with path.open('rb') as stream:
        head = stream.read(8192)
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # Excel's "Unicode text"
    return name in head.decode('utf-16' if wide else 'utf-8', errors='replace')


def read_cases(paths: Iterable[Path]) -> list[Abnormality]:
    """Read case description CSVs; a second copy of a table is read once.

    Args:
        paths: Any number of the four files, under any names.

    Raises:
        DataIndexError: A column is missing, a row contradicts itself, or two tables describe
            one abnormality differently.
    """
    cases: dict[str, Abnormality] = {}
    for path in paths:
        # A newline inside a quoted cell makes line numbers useless: rows are records, from 2.
        for number, record in enumerate(read_table(path, REQUIRED), start=2):
            case = parse_case(record, path.name, number)
            known = cases.setdefault(case.name, case)
            if _facts(known) != _facts(case):
                raise DataIndexError(
                    f'{path}, row {number}: {case.name} is described differently in '
                    f'{known.table}, row {known.row}',
                    'one description per abnormality',
                    'Point --csv-dir to a folder with the original four files only',
                )
    return list(cases.values())


def parse_case(record: dict[str, str], table: str, number: int) -> Abnormality:
    """Turn one CSV record, cells stripped, into an :class:`Abnormality`.

    Raises:
        DataIndexError: A path cell is malformed or disagrees with the other columns.
    """
    place = f'{table}, row {number}'
    image, mask, crop = (
        _split_path(record[key], place) for key in (IMAGE_PATH, MASK_PATH, CROP_PATH)
    )
    match = IMAGE_NAME.fullmatch(image[0])
    columns = (record[PATIENT], record[BREAST], record[VIEW])
    if match is None or match.groups()[2:] != columns:
        raise DataIndexError(
            f'{place}: image folder {image[0]!r} for patient, breast and view {", ".join(columns)}',
            'a folder like Mass-Training_P_00001_LEFT_CC that agrees with the columns',
            'Take the original CSV from the Cancer Imaging Archive',
        )
    pathology = _check_terms(record, image[0], (mask[0], crop[0]), place)
    density = next(filter(None, (record.get(kind.density) for kind in KINDS)), '')
    return Abnormality(
        table=table,
        row=number,
        image_name=image[0],
        abnormality_id=record[ABNORMALITY],
        patient_id=columns[0],
        laterality=columns[1],
        view=columns[2],
        split=next(split for split, word in SPLITS.items() if word == match[2]),
        finding=next(kind.finding for kind in KINDS if kind.folder == match[1]),
        pathology=pathology,
        density='' if density == '0' else density,  # BI-RADS densities are 1 to 4
        image_series=image[2],
        mask_series=mask[2],
        crop_series=crop[2],
        mask_position=int(PurePosixPath(mask[3]).stem),
    )


def shared_patients(cases: Iterable[Abnormality]) -> list[str]:
    """Patients that the official splits put into train and into test, sorted.

    Each abnormality type alone shares none; mass and calcification together share 31.
    """
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        splits[case.patient_id].add(case.split)
    return sorted(patient for patient, where in splits.items() if len(where) > 1)


def _check_terms(record: dict[str, str], image: str, folders: Sequence[str], place: str) -> str:
    """The pathology, after a check of it and of the abnormality that the row is about."""
    name = f'{image}_{record[ABNORMALITY]}'
    if not record[ABNORMALITY].isdecimal() or set(folders) != {name}:
        raise DataIndexError(
            f'{place}: abnormality id {record[ABNORMALITY]!r} for mask and crop in the folders '
            f'{", ".join(folders)}',
            f'the number at the end of both, as in {image}_1',
            'Take the original CSV from the Cancer Imaging Archive',
        )
    pathology = record[PATHOLOGY].lower().replace('n/a', '')
    if pathology not in ('', *PATHOLOGIES):
        raise DataIndexError(f'{place}: pathology {record[PATHOLOGY]!r}', ', '.join(PATHOLOGIES))
    return pathology


def _facts(case: Abnormality) -> tuple:
    return (case.patient_id, case.pathology, case.image_series, case.mask_series, case.crop_series)


def _split_path(cell: str, place: str) -> Sequence[str]:
    """``<folder>/<StudyUID>/<SeriesUID>/00000x.dcm`` in four parts."""
    parts = PurePosixPath(cell).parts
    if len(parts) != 4 or not PurePosixPath(parts[3]).stem.isdigit():
        raise DataIndexError(
            f'{place}: path {cell!r}',
            '<folder>/<StudyInstanceUID>/<SeriesInstanceUID>/00000x.dcm',
            'Take the original CSV from the Cancer Imaging Archive',
        )
    return parts
