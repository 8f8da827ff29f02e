"""Trainings of a report: those of its runs by their work folders, and that of each checkpoint."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from mmseg_mammo.io.checkpoint_record import STAGE_NAMES
from mmseg_mammo.io.run_folder import BEST, TRIED, TUNING
from mmseg_mammo.io.table import read_records
from mmseg_mammo.reporting.naming import may_be_one
from mmseg_mammo.reporting.run_reader import Training, read_training


def find_trainings(
    runs: Iterable[tuple[Path, Mapping[str, Any]]], folders: Mapping[str, str]
) -> dict[Path, Training]:
    """The trainings by the real path of the work folders of their checkpoints.

    Args:
        runs: Run folders of trainings, with what ``run.json`` says.
        folders: See :func:`.dataset_name`.
    """
    work_dirs: defaultdict[Path, list[Path]] = defaultdict(list)
    for folder, _ in runs:
        work_dirs[folder.resolve().parent].append(folder)
    trained = {work_dir: read_training(found, folders) for work_dir, found in work_dirs.items()}
    for home in {work_dir.parent for work_dir in trained}:
        finder, refiner = (trained.get(home / name) for name in STAGE_NAMES)
        if finder and refiner:
            trained[home] = _of_parts(home, finder)
        elif part := trained.get(home / 'final') or _fold_of(home, trained):
            trained.setdefault(home, _of_parts(home, part))
    for home in {path.parents[1] for path in trained if path.name == 'final'}:
        if (name := _tried(home)) and (part := trained.get(home / name / 'final')):
            trained[home] = _of_parts(home, part, 2)
    return trained


def training_of(
    run: Mapping[str, Any], checkpoint: PurePath, trained: Mapping[Path, Training]
) -> Training | None:
    """The training whose work folder had the checkpoint of a test; None if there is none, or several fit.

    Folders may have been moved since: the paths that runs recorded of their checkpoints count.

    Args:
        run: What ``run.json`` of the test says.
        checkpoint: As it is recorded.
        trained: Of :func:`find_trainings`.
    """
    if not run.get('checkpoint'):
        return None
    fitting = []
    for path, training in trained.items():
        recorded = training.run.get('last_checkpoint')  # None if the training was killed
        if may_be_one(PurePath(recorded).parent if recorded else path, checkpoint.parent):
            fitting.append(training)
    return fitting[0] if len(fitting) == 1 else None


def _fold_of(home: Path, trained: Mapping[Path, Training]) -> Training | None:
    """A fold of a model of folds; none of a tuning, whose checkpoint without a last training is its start."""
    return None if (home / TUNING).is_file() else trained.get(home / 'fold_1')


def _tried(home: Path) -> str:
    """The folder of the tuning that was kept of several; '' if there are none, or the start was kept."""
    rows = read_records(home / TRIED, ('tuning', 'chosen')) if (home / TRIED).is_file() else []
    kept = (row.cells['tuning'] for row in rows if row.cells['chosen'] == 'yes')
    return PurePath(next(kept, '')).name


def _of_parts(work_dir: Path, part: Training, depth: int = 1) -> Training:
    """The training of a checkpoint so many folders above this part of it, which alone has curves."""
    last = part.run.get('last_checkpoint')
    moved = {'last_checkpoint': str(PurePath(last).parents[depth] / BEST)} if last else {}
    return Training(work_dir, part.dataset, {**part.run, **moved}, (), None)
