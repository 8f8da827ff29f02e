"""Tuning: a few-config made complete on a part, its images divided into folds, its start looked at."""

import copy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import check_schedule
from mmseg_mammo.engine.few.start import few_config
from mmseg_mammo.engine.provenance import config_hash
from mmseg_mammo.engine.steps.journal import ASKED, Journal, tell
from mmseg_mammo.engine.work_dir import FEW as JOURNAL
from mmseg_mammo.engine.work_dir import check_for_folds, hold_for_training, is_first_process
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import sha256
from mmseg_mammo.studies.few.cross_validation import (
    Division,
    look_at_start,
    start_file,
)
from mmseg_mammo.studies.few.fold_configs import (
    check_tuned,
    fold_splits,
    keep_last_alone,
    learned_rows,
    place_of,
    use_part,
)
from mmseg_mammo.studies.few.parts import make_folds
from mmseg_mammo.studies.in_turn import name_apart


class Tuning(NamedTuple):
    """A tuning that has begun: its complete config, its start, its folds and its journal."""

    cfg: Config
    start: Path
    division: Division
    journal: Journal
    seed: int


def divide(
    data_root: Path, ann_file: str, work_dir: Path, folds: int, seed: int
) -> tuple[Division, int]:
    """The folds of the images that are learned from, and the number of these.

    Raises:
        MammoError: There are fewer than two folds.
    """
    if folds < 2:
        raise MammoError(
            f'--folds {folds}', 'two or more', '--folds 0 for one training without folds'
        )
    dataset = dict(type='MammographyDataset', data_root=str(data_root), ann_file=ann_file)
    data, rows = place_of(dataset), learned_rows(dataset)
    count = max(2, min(folds, len({row.patient_id for row in rows})))
    if count < folds:
        tell(f'{count} folds, not {folds}: there are no more patients')
    return Division(data, make_folds(rows, count, seed), count, work_dir), len(rows)


def tuning_config(
    cfg: Config, start: Path, data_root: Path, ann_file: str, division: Division, new_head: bool
) -> Config:
    """The complete config of a tuning, with a validation even where the index has no split for it."""
    part = division.part('fold_1', fold_splits(division.folds, 1, division.count, inner=False))
    full = few_config(cfg, start, data_root, ann_file=str(part), new_head=new_head)
    full.test_dataloader.dataset.ann_file = ann_file
    return full


def check_fits(
    cfg: Config, start: Path, data_root: Path, ann_file: str, new_head: bool = False
) -> None:
    """Refuse a config that cannot be tuned by folds from a start; nothing is written.

    Raises:
        MammoError: See :func:`.few_config`, :func:`.check_schedule` and :func:`.check_tuned`.
    """
    check_schedule(few_config(cfg, start, data_root, ann_file=ann_file, new_head=new_head))
    check_tuned(cfg)


def open_tuning(
    cfg: Config,
    start: Path,
    data_root: Path,
    work_dir: Path,
    ann_file: str,
    folds: int,
    seed: int,
    new_head: bool,
    resume: bool,
    seen: Tuning | None = None,
) -> Tuning:
    """Divide the images, and look at the start; see :func:`.fit_few` for most arguments.

    Args:
        cfg: See :func:`.fit_few`.
        start: Likewise.
        data_root: Likewise.
        work_dir: Likewise.
        ann_file: Likewise.
        folds: Likewise.
        seed: Likewise.
        new_head: Likewise.
        resume: Likewise.
        seen: Another tuning of the same start and folds, which has looked at it.
    """
    division, images = divide(data_root, ann_file, work_dir, folds, seed)
    check_fits(cfg, start, data_root, ann_file, new_head)
    check_for_folds(work_dir, JOURNAL, start)
    hold_for_training(work_dir)
    asked = {
        'folds': division.count,
        'seed': seed,
        'index': sha256(division.data[0] / division.data[1]),
        'start': sha256(start),
    }
    _check_begun(work_dir, resume, asked)
    full = tuning_config(cfg, start, data_root, ann_file, division, new_head)
    asked['config'] = config_hash(full)
    journal = open_journal(work_dir / JOURNAL, resume, asked, images=images)
    tuning = Tuning(full, start, division, journal, seed)
    if seen is not None:
        share_start(seen, tuning)
    look_at_start(full, start, division, journal)
    return tuning


def _check_begun(work_dir: Path, resume: bool, asked: Mapping[str, Any]) -> None:
    """Refuse another tuning before a part is written; the config, which needs one, is compared later."""
    journal = Journal(work_dir, JOURNAL)
    if is_first_process() and journal.path.is_file():
        before = (journal.facts('divided') or {}).get(ASKED) or {}
        journal.begin(resume, {**before, **asked})


def open_journal(path: Path, resume: bool, asked: Mapping[str, Any], **facts: Any) -> Journal:
    """Begin a journal, or go on with it.

    Args:
        path: The file.
        resume: Whether to go on with what is there.
        asked: Settings that have to be those that it was begun with.
        facts: Of the division of the images.
    """
    journal = Journal(path.parent, path.name)
    if is_first_process():
        journal.begin(resume, asked)
        if journal.facts('divided') is None:
            journal.finish('divided', {ASKED: dict(asked), **facts})
    return journal


def share_start(first: Tuning, other: Tuning) -> None:
    """Let a tuning know what the start says of the images, as another one found it."""
    if other.journal.facts('start') is None and is_first_process():
        start_file(other.division).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(start_file(first.division), start_file(other.division))
        other.journal.finish('start', {'file': start_file(other.division).name})


def final_config(cfg: Config, division: Division, steps: int) -> Config:
    """The config of the training on all images, without validation."""
    own = copy.deepcopy(cfg)
    use_part(own, division.every('train'), ('train',))
    name_apart(own, division.work_dir / 'final')
    keep_last_alone(own)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        own[key] = None
    own.custom_hooks = [*(own.get('custom_hooks') or []), dict(type='StopAtStepHook', steps=steps)]
    return own
