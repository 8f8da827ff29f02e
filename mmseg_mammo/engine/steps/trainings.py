"""Trainings of a journal: each is done once, goes on where it stopped, and others wait for it."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmseg_mammo.engine.resume import differences
from mmseg_mammo.engine.steps.journal import Journal, tell
from mmseg_mammo.engine.work_dir import is_first_process, last_checkpoint
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.run_folder import BEST

# Trains one config, and goes on with it if the second argument says so.
Train = Callable[[Config, bool], None]


def best_of(cfg: Config) -> Path:
    """The checkpoint of a training: the best one, or the last one of a training without any."""
    work_dir = Path(cfg.work_dir)
    best = work_dir / BEST
    return best if best.is_file() else last_checkpoint(work_dir)


def last_of(cfg: Config) -> Path:
    """The last checkpoint of a training, whatever its validation said."""
    return last_checkpoint(Path(cfg.work_dir))


def train_once(
    name: str,
    cfg: Config,
    resume: bool,
    train: Train,
    journal: Journal,
    file_of: Callable[[Config], Path] = best_of,
) -> None:
    """Train a config unless it is trained; processes of one training are together here.

    Args:
        name: Of the step.
        cfg: With a work folder of its own.
        resume: Whether to go on with what that holds.
        train: See :data:`Train`.
        journal: Of the whole training.
        file_of: Which checkpoint counts.

    Raises:
        MammoError: It was trained before, with settings that give another result.
    """
    if journal.facts(name) is not None:
        _refuse_another(name, cfg, file_of)
        tell(f'{name}: trained before, {file_of(cfg)}')
        return
    tell(f'{name}: {cfg.filename} to {cfg.work_dir}')
    train(cfg, resume and (Path(cfg.work_dir) / 'last_checkpoint').is_file())
    gc.collect()  # the runner holds on to the model, the next one needs the room
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    file = file_of(cfg)
    if is_first_process():
        journal.finish(name, {'checkpoint': file.name, 'sha256': sha256(file)})


def in_one_process(step: str, journal: Journal, work: Callable[[], dict[str, Any]]) -> None:
    """Do a step in the main process; the others wait for it."""
    if journal.facts(step) is not None:
        return
    if is_first_process():
        journal.finish(step, work())
    else:
        journal.wait_for(step)


def _refuse_another(name: str, cfg: Config, file_of: Callable[[Config], Path]) -> None:
    """Refuse to go on with what was trained otherwise than is asked now.

    Raises:
        MammoError: A setting that changes the result differs.
    """
    record = read_record(file_of(cfg)) or {}
    if not record.get('config'):
        return
    trained = Config(record['config'])
    refused, _ = differences(trained, cfg, data_known=False)
    refused += [
        f'train_cfg.{key} is {now}, was {before}'
        for key in ('max_epochs', 'max_iters')
        if (now := cfg.train_cfg.get(key)) != (before := trained.train_cfg.get(key))
    ]
    if refused:
        raise MammoError(
            f'--resume: {name} was trained otherwise: {"; ".join(refused[:5])}',
            'the config and --cfg-options that it began with',
            'For another training name another --work-dir',
        )
