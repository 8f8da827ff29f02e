"""Run folder: names and columns of the files that a run writes, and a reader of its records."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.index import DESCRIPTION
from mmseg_mammo.io.table import read_table

# Files of a run's time-stamped folder.
RUN, SUMMARY = 'run.json', 'test.json'
VALIDATION, IMAGES = 'per_image_val.csv', 'per_image_test.csv'
VALIDATION_LESIONS, LESIONS = 'lesions_val.csv', 'lesions_test.csv'
VALIDATION_CANDIDATES, CANDIDATES = 'candidates_val.csv', 'candidates_test.csv'  # of two stages
CURVES = 'vis_data/scalars.json'  # mmengine's
OVERLAYS, VIEWER = 'overlays', 'viewer'  # folders

# Files of the work folder, beside the checkpoints.
BEST, PICTURE = 'best.pth', 'curves.png'
# Of a tuning by folds: its journal. Of several, among which one was chosen: what became of each.
TUNING, TRIED = 'few.json', 'auto.csv'

# A key of test.json and run.json: threshold, temperature, breast_only, flips. Earlier runs lack it.
TEST_OUTPUT = 'test_output'
# A key of test.json and run.json: whose masks were imported, and how many were missing.
IMPORT = 'imported'
# A column of per_image_test.csv of imported masks: the file's name, empty where there is none.
MASK_FILE = 'mask_file'
# A key of test.json, and of each data set in run.json: images of the split that the data set left
# out, by the reason; earlier runs lack it.
LEFT_OUT, NOT_ANNOTATED, OTHER_FINDING = 'left_out', 'not_annotated', 'other_finding'
# A key of both, where there are some: images whose lesion nobody outlined (mask_kind=image-label).
IMAGE_LABELS = 'image_labels'
# A key of run.json of a test: steps that its checkpoint was trained for; earlier runs lack it.
TRAINED_STEPS = 'checkpoint_iter'
# Keys of run.json of a test: SHA-256 of its checkpoint, and of the start that this was tuned from, if it was;
# earlier runs lack them.
CHECKPOINT_SHA256, TUNED_FROM = 'checkpoint_sha256', 'tuned_from'
# A key of test.json.
DIFFERENCES = 'input_differs_from_training'

# Columns that a reader relies on, of per_image_val.csv and of per_image_test.csv.
COUNTS = ('truth_pixels', 'predicted_pixels', 'intersection_pixels')
# Columns of models that say whether there is a lesion at all; counts as if nothing were closed.
UNGATED = ('predicted_pixels', 'intersection_pixels')
PRESENCE_COLUMNS = (
    *('presence', 'presence_logit', 'closed'),
    *(f'ungated_{name}' for name in (*UNGATED, 'max_probability')),
)
# Of tests with a promise: the loss of an image, empty where the promise is not about it.
PROMISE_LOSS = 'promise_loss'
RECORD_COLUMNS = (*DESCRIPTION, *COUNTS, 'max_probability')
TEST_COLUMNS = (*RECORD_COLUMNS, 'key', 'height', 'width')
# All columns of lesions_test.csv; a true lesion has neither score nor threshold.
IMAGE_COLUMNS = ('key', 'image', 'source', 'patient_id')
SHAPE_COLUMNS = ('kind', 'number', 'pixels', 'x', 'y', 'left', 'top', 'right', 'bottom')
HIT_COLUMNS = ('best_iou', 'match', 'centre_hit', 'centre_match')
SIZE_COLUMNS = ('area_mm2', 'longest_diameter_mm')  # empty where the size of a pixel is unknown
LESION_COLUMNS = (
    *(*IMAGE_COLUMNS, *SHAPE_COLUMNS, 'score', 'predicted', *HIT_COLUMNS, *SIZE_COLUMNS),
)
# One more of models of two stages: where a true lesion is lost; empty of one that is segmented.
LOST_COLUMN = 'lost'
# All columns of candidates_test.csv; coordinates are pixels of the prepared image.
CANDIDATE_SCORES = ('finder_score', 'refiner_presence', 'refiner_max', 'score')
CANDIDATE_COLUMNS = (
    *(*IMAGE_COLUMNS, 'number', 'x', 'y', 'left', 'top', 'right', 'bottom', *CANDIDATE_SCORES),
    *('kept', 'centre_match', 'holds'),
)
# Where the record of an image holds its rows of the two tables.
LESION_ROWS, CANDIDATE_ROWS = 'lesions', 'candidate_rows'
# Those of them that a reader relies on.
LESION_TEST_COLUMNS = (
    *('key', 'patient_id', 'source', 'kind', 'number', 'score'),
    *('match', 'centre_match'),
)
CANDIDATE_TEST_COLUMNS = (
    *('key', 'number', 'x', 'y', 'left', 'top', 'right', 'bottom', 'finder_score', 'score'),
    *('kept', 'centre_match', 'holds'),
)
_TEXT = (
    *(*DESCRIPTION, 'key', 'kind', MASK_FILE, 'prompts_from', 'prompt_points', 'prompt_boxes'),
    *(LOST_COLUMN, 'holds'),
)

# What to know beside numbers of a promptable model.
PROMPTED = 'prompts from the truth'
GIVEN = 'prompts given'
# Of masks that another system made.
IMPORTED = 'imported masks'
AGAIN = 'Test again with this version of mmseg_mammo'


def picture_names(key: str) -> tuple[str, str, str]:
    """Files of ``viewer/`` for an image: itself, its true and its predicted mask.

    Args:
        key: Of the table of images (:func:`mmseg_mammo.io.image_keys.image_keys`).
    """
    return f'{key}.jpg', f'{key}_truth.png', f'{key}_predicted.png'


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
        """N texts that tell patients apart, also those of several hospitals; cuts are of their patient."""
        known, places = np.unique(self['source'], return_inverse=True)
        sources = np.array([origin_of(str(source)) for source in known], str)[places]
        return np.char.add(np.char.add(sources, '/'), self['patient_id'])

    def where(self, chosen: np.ndarray) -> 'Records':
        """The lines that an N bool array, or an array of indices, selects."""
        return Records({name: values[chosen] for name, values in self.columns.items()})


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


def read_curves(path: Path) -> list[dict[str, Any]]:
    """Read the scalars that mmengine logged in a training (:data:`CURVES`), line by line.

    Returns:
        A mapping for each line, in the order in which they were written; none without the file,
        as of a run that was killed at once. Half a line at the end, of a run that was killed while
        it wrote, is left out.

    Raises:
        DataFileError: A line is no JSON.
    """
    if not path.is_file():
        return []
    *lines, rest = path.read_text(encoding='utf-8').split('\n')
    found = [_parse_line(line, path, number) for number, line in enumerate(lines, start=1)]
    with contextlib.suppress(DataFileError):
        found += [_parse_line(rest, path, len(lines) + 1)]
    return found


def _parse_line(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError as error:
        raise DataFileError(f'{path}, line {number}: not JSON ({error})') from error


def _number(cell: str) -> float:
    return float(cell) if cell else np.nan
