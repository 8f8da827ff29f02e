"""One run folder as Python values; nothing but its files is read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.index import DESCRIPTION
from mmseg_mammo.io.table import read_table
from mmseg_mammo.reporting.naming import dataset_name

AGAIN = 'Test again with this version of mmseg_mammo'
RUN, SUMMARY, IMAGES, VALIDATION = (
    'run.json',
    'test.json',
    'per_image_test.csv',
    'per_image_val.csv',
)
LESIONS, CURVES, VIEWER = 'lesions_test.csv', 'vis_data/scalars.json', 'viewer'
PROMPTED = 'prompts from the truth'
GIVEN = 'prompts given'
COUNTS = ('truth_pixels', 'predicted_pixels', 'intersection_pixels')
_TEXT = (*DESCRIPTION, 'key', 'kind', 'prompts_from', 'prompt_points', 'prompt_boxes')
_OF_ALL = (*DESCRIPTION, *COUNTS, 'max_probability')
_OF_TESTS = (*_OF_ALL, 'key', 'height', 'width')
_OF_LESIONS = (
    *('key', 'patient_id', 'source', 'kind', 'number', 'score'),
    *('match', 'centre_match'),
)


@dataclass(frozen=True)
class Records:
    """Lines of a CSV file by column: text as it is, numbers as float, NaN for empty cells."""

    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    @cached_property
    def patients(self) -> np.ndarray:
        """N texts that tell patients apart, also those of several hospitals."""
        return np.char.add(np.char.add(self['source'], '/'), self['patient_id'])

    def where(self, chosen: np.ndarray) -> 'Records':
        """The lines that an N bool array, or an array of indices, chooses."""
        return Records({name: values[chosen] for name, values in self.columns.items()})


@dataclass(frozen=True)
class Training:
    """The runs that trained in one work folder, the latest record, and their curves.

    ``dataset`` is the name of the data set that it was trained on, ``curves`` are mmengine's
    scalars in the order in which they were written; ``validation`` the records of the last epoch.
    """

    work_dir: Path
    dataset: str
    run: Mapping[str, Any]
    curves: tuple[Mapping[str, Any], ...]
    validation: Records | None


@dataclass(frozen=True)
class Test:
    """A finished test of one model on one data set."""

    __test__ = False  # pytest takes it for a test case

    folder: Path
    model: str
    dataset: str
    run: Mapping[str, Any]
    summary: Mapping[str, Any]
    images: Records
    lesions: Records | None
    training: Training | None

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know beside every number of this test."""
        kinds = set(self.images['mask_kind'])
        found = [f'{kind} masks' for kind in ('weak', 'phantom') if kind in kinds]
        if 'prompts_from' in self.images and 'truth' in self.images['prompts_from']:
            found.append(PROMPTED)
        if 'prompts_from' in self.images and 'given' in self.images['prompts_from']:
            found.append(GIVEN)
        return tuple(found)

    @property
    def eval_size(self) -> int | None:
        """Side of the square grid that masks were compared on; None is their own grid."""
        evaluator = self.summary.get('evaluator')
        return evaluator.get('eval_size') if isinstance(evaluator, dict) else None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise DataFileError(f'{path}: {error.strerror}', remedy=AGAIN) from error
    except ValueError as error:
        raise DataFileError(f'{path}: not JSON ({error})', remedy=AGAIN) from error
    if not isinstance(found, dict):
        raise DataFileError(f'{path}: not a JSON object', remedy=AGAIN)
    return found


def read_test(
    folder: Path, model: str, training: Training | None, folders: Mapping[str, str]
) -> Test:
    """Read a test; ``folders`` names data sets (:func:`~.naming.name_folders`).

    Raises:
        DataFileError: A file is missing or broken.
        DataIndexError: A table lacks a column, or a cell is no number.
    """
    needed = [folder / name for name in (RUN, SUMMARY, IMAGES)]
    missing = [path.name for path in needed if not path.is_file()]
    if missing:
        raise DataFileError(f'{folder}: missing {", ".join(missing)}', remedy=AGAIN)
    run = read_json(folder / RUN)
    images = read_records(folder / IMAGES, _OF_TESTS)
    lesions = None
    if 'true_lesions' in images:  # the metric was asked for lesions
        lesions = read_records(folder / LESIONS, _OF_LESIONS)
    data = dataset_name(run['data']['test'], folders=folders)
    return Test(folder, model, data, run, read_json(folder / SUMMARY), images, lesions, training)


def read_training(runs: Sequence[Path], folders: Mapping[str, str]) -> Training:
    """Read the trainings of one work folder, in the order in which they started.

    Args:
        runs: Their folders.
        folders: Names of data sets (:func:`~.naming.name_folders`).
    """
    curves: list[dict[str, Any]] = []
    validation = None
    for folder in runs:
        path = folder / CURVES
        if path.is_file():  # a run that was killed at once has none
            lines = path.read_text(encoding='utf-8').splitlines()
            curves += [_parse(line, path, number) for number, line in enumerate(lines, start=1)]
        if (folder / VALIDATION).is_file():
            validation = read_records(folder / VALIDATION, _OF_ALL)
    run = read_json(runs[-1] / RUN)
    data = dataset_name(run['data']['train'], 'train', folders)
    return Training(runs[-1].parent, data, run, tuple(curves), validation)


def _parse(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError as error:
        raise DataFileError(f'{path}, line {number}: not JSON ({error})') from error


def read_records(path: Path, required: tuple[str, ...]) -> Records:
    """Read a CSV file of records that has at least the ``required`` columns."""
    if not path.is_file():
        raise DataFileError(f'{path.parent}: missing {path.name}', remedy=AGAIN)
    lines = read_table(path, required, AGAIN)
    names = list(lines[0]) if lines else list(required)
    columns = {}
    for name in names:
        cells = [line[name] for line in lines]
        try:
            if name in _TEXT:
                columns[name] = np.array(cells, dtype=str)
            else:
                columns[name] = np.array([_number(cell) for cell in cells], dtype=float)
        except ValueError as error:
            if name in required:
                raise DataFileError(f'{path}: {name}: {error}', 'numbers', AGAIN) from error
            columns[name] = np.array(cells)  # of a later version
    return Records(columns)


def _number(cell: str) -> float:
    return float(cell) if cell else np.nan
