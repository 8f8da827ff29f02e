"""Run reader: turns the files of a run folder into Python values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.candidates import is_unprompted
from mmseg_mammo.io.files import read_json
from mmseg_mammo.io.run_folder import (
    AGAIN,
    CANDIDATE_TEST_COLUMNS,
    CANDIDATES,
    CHECKPOINT_SHA256,
    CURVES,
    GIVEN,
    IMAGES,
    IMPORT,
    IMPORTED,
    LEFT_OUT,
    LESION_TEST_COLUMNS,
    LESIONS,
    NOT_ANNOTATED,
    PROMPTED,
    RECORD_COLUMNS,
    RUN,
    SUMMARY,
    TEST_COLUMNS,
    TEST_OUTPUT,
    TUNED_FROM,
    VALIDATION,
    Records,
    read_curves,
    read_records,
)
from mmseg_mammo.reporting.naming import dataset_name


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
    """A finished test of one model on one data set.

    ``images`` are those with a mask and the normal ones. ``every_image`` are these and those whose
    lesion nobody outlined (``mask_kind=image-label``), in the order of the file: what is said of whole
    images is over them.
    """

    __test__ = False  # pytest takes it for a test case

    folder: Path
    model: str
    dataset: str
    run: Mapping[str, Any]
    summary: Mapping[str, Any]
    images: Records
    every_image: Records
    lesions: Records | None
    training: Training | None
    candidates: Records | None = None  # of a model of two stages

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know beside every number of this test."""
        kinds = set(self.images['mask_kind'])
        found = [f'{kind} masks' for kind in ('weak', 'phantom') if kind in kinds]
        if 'prompts_from' in self.images and 'truth' in self.images['prompts_from']:
            found.append(PROMPTED)
        if 'prompts_from' in self.images and 'given' in self.images['prompts_from']:
            found.append(GIVEN)
        if self.imported:
            found.append(IMPORTED)
        return tuple(found)

    @cached_property
    def unprompted(self) -> int:
        """The number of images for which no prompt was given: predicted empty."""
        names = ('prompts_from', 'prompt_points', 'prompt_boxes')
        columns = {name: self.images[name] for name in names if name in self.images}
        rows = zip(*columns.values(), strict=True)
        return sum(is_unprompted(dict(zip(columns, row, strict=True))) for row in rows)

    @property
    def image_labels(self) -> int:
        """The number of images with a lesion that nobody outlined."""
        return int(np.isnan(self.every_image['truth_pixels']).sum())

    @property
    def imported(self) -> Mapping[str, Any]:
        """Of masks that another system made: their ``kind``, ``missing`` and more; or nothing."""
        return self.run.get(IMPORT) or {}

    def was_tuned_from(self, other: 'Test') -> bool:
        """Whether the checkpoint of another test was the start of this one's."""
        start = self.run.get(TUNED_FROM)
        return start is not None and start == other.run.get(CHECKPOINT_SHA256)

    @property
    def test_output(self) -> Mapping[str, Any]:
        """``threshold``, ``temperature``, ``breast_only``, ``flips`` and ``trained_threshold``; or nothing.

        Earlier runs do not have it: their threshold is the training's, their temperature 1.
        """
        return self.run.get(TEST_OUTPUT) or {}

    @property
    def not_annotated(self) -> int | None:
        """Images that were left out, since nobody annotated them; None of earlier runs."""
        data = self.run['data']['test']
        counts = [
            (each.get(LEFT_OUT) or {}).get(NOT_ANNOTATED) for each in data.get('members', [data])
        ]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @property
    def eval_size(self) -> int | None:
        """Side of the square grid that masks were compared on; None is their own grid."""
        evaluator = self.summary.get('evaluator')
        return evaluator.get('eval_size') if isinstance(evaluator, dict) else None


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
    run = read_json(folder / RUN, AGAIN)
    images = read_records(folder / IMAGES, TEST_COLUMNS)
    lesions = candidates = None
    if 'true_lesions' in images:  # the metric was asked for lesions
        lesions = read_records(folder / LESIONS, LESION_TEST_COLUMNS)
    if 'lost_not_found' in images:  # of two stages
        candidates = read_records(folder / CANDIDATES, CANDIDATE_TEST_COLUMNS)
    data = dataset_name(run['data']['test'], folders=folders)
    summary = read_json(folder / SUMMARY, AGAIN)
    masked = images.where(~np.isnan(images['truth_pixels']))
    return Test(folder, model, data, run, summary, masked, images, lesions, training, candidates)


def read_training(runs: Sequence[Path], folders: Mapping[str, str]) -> Training:
    """Read the trainings of one work folder, in the order in which they started.

    Args:
        runs: Their folders.
        folders: Names of data sets (:func:`~.naming.name_folders`).
    """
    curves: list[dict[str, Any]] = []
    validation = None
    for folder in runs:
        curves += read_curves(folder / CURVES)
        if (folder / VALIDATION).is_file():
            validation = read_records(folder / VALIDATION, RECORD_COLUMNS)
    run = read_json(runs[-1] / RUN, AGAIN)
    data = dataset_name(run['data']['train'], 'train', folders)
    return Training(runs[-1].parent, data, run, tuple(curves), validation)
