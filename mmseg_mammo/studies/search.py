"""Hyper-parameter search with Optuna, by lesion Dice on the validation split alone."""

import copy
import gc
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import MaxTrialsCallback, StudyDirection
from optuna.trial import TrialState

from mmseg_mammo.engine.config.checks import check_schedule
from mmseg_mammo.engine.config.loading import CacheChoice
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.provenance import config_hash
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.engine.training_record.reference import fill_reference
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.scalars import LOWER, MONITOR, best, better
from mmseg_mammo.studies.closing import close_runner
from mmseg_mammo.studies.interrupts import Interrupts
from mmseg_mammo.studies.space import Space

DIRECTION = StudyDirection.MINIMIZE if better(MONITOR) == LOWER else StudyDirection.MAXIMIZE
STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class PruningHook(Hook):
    """Report each validation to the trial, remember the best, and end a hopeless trial."""

    priority = 'LOWEST'

    def __init__(self, trial: optuna.Trial) -> None:
        self.trial = trial
        self.best = math.inf if better(MONITOR) == LOWER else -math.inf

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Tell Optuna the best score so far."""
        self.best = best(MONITOR, (self.best, (metrics or {})[MONITOR]))
        self.trial.report(self.best, runner.epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def check_search(cfg: Config, name: str) -> None:
    """Refuse a config of which no trial can be trained and judged.

    Args:
        cfg: Config of a trial.
        name: Of its file, for the message.

    Raises:
        MammoError: It trains in several processes; it has no validation; or it ends before its
            schedule begins.
    """
    if 'strategy' in cfg:
        raise MammoError(
            f'{type_name(cfg.strategy.type)} of {name}: a trial is a single process',
            remedy='Search with a config without a strategy, such as setr_pup_finetune_cbis.py',
        )
    if not all(cfg.get(key) for key in ('train_dataloader', 'train_cfg', 'val_dataloader')):
        raise MammoError(
            f'{name} has no training with a validation split',
            remedy='Search with the config of a training, such as setr_pup_vpt_cbis.py',
        )
    check_schedule(cfg)


def open_study(path: Path, cfg: Config, space: Space) -> optuna.Study:
    """Open the study of a journal file, or start it.

    Args:
        path: Journal that several jobs may share, also over NFS; the study is named after it.
        cfg: Config that every trial starts from; trials go to its work folder.
        space: What is searched.

    Raises:
        MammoError: The study is of another config or another space; or trials of another
            study lie where those of a new one would go.
    """
    folder = Path(cfg.work_dir) / path.stem
    if any(folder.glob('trial_*')) and not path.exists():
        raise MammoError(
            f'{folder} holds the trials of another study than {path}',
            remedy='Name another --study or --work-dir, or move the old trials away',
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileOpenLock(str(path))
    backend = JournalFileBackend(str(path), lock_obj=lock)
    study = optuna.create_study(
        study_name=path.stem,
        storage=optuna.storages.JournalStorage(backend),
        sampler=optuna.samplers.TPESampler(),  # no seed: jobs must not repeat each other
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
        direction=DIRECTION,
        load_if_exists=True,
    )
    asked = {'config': config_hash(cfg), 'space': repr(space)}
    for name, value in asked.items():
        known = study.user_attrs.get(name)
        if known is None:
            study.set_user_attr(name, value)
        elif known != value:
            raise MammoError(
                f'{path} holds a study of another {name}: {known}; asked is {value}',
                remedy='Use the same config, options and ranges, or name another --study',
            )
    return study


def search(
    study: optuna.Study,
    cfg: Config,
    space: Space,
    trials: int,
    cache: CacheChoice | None = None,
) -> None:
    """Run trials until the study has ``trials`` that ended, those of other jobs included.

    A trial that diverges or runs out of memory is recorded as failed. Ctrl-C fails the trial
    that runs and ends the search; that of a killed process stays as running and is not counted.

    Raises:
        KeyboardInterrupt: Ctrl-C, once the step that runs has ended.
    """
    interrupts = Interrupts()

    def run(trial: optuna.Trial) -> float:
        return run_trial(trial, cfg, space.suggest(trial), interrupts, cache)

    def stop(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if interrupts.seen:
            study.stop()

    done = MaxTrialsCallback(trials, states=STATES)
    if len(study.get_trials(deepcopy=False, states=STATES)) < trials:
        with interrupts:
            study.optimize(
                run, trials, callbacks=[done, stop], catch=(MammoError, torch.cuda.OutOfMemoryError)
            )


def run_trial(
    trial: optuna.Trial,
    cfg: Config,
    values: Mapping[str, Any],
    interrupts: Interrupts,
    cache: CacheChoice | None = None,
) -> float:
    """Train with ``values`` and give the best lesion Dice on validation, in percent.

    The trial's folder is ``<work folder>/<study>/trial_<number>``. No checkpoint is written.
    """
    ours = copy.deepcopy(cfg)
    # No trial is ever gone on with, and a gigabyte or two of each adds up.
    ours.merge_from_dict({**values, 'default_hooks.checkpoint': None})
    name = trial.study.study_name
    ours.work_dir = str(Path(cfg.work_dir) / name / f'trial_{trial.number:04d}')
    ours.experiment_name = f'{name}_{trial.number:04d}'
    ours.visualizer.name = ours.work_dir  # else it writes to the first trial's folder
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        ours.pop(key, None)  # nothing may look at the test split
    fill_reference(ours)
    runner = build_runner(ours, 0, cache)
    hook = PruningHook(trial)
    runner.register_hook(hook)
    runner.register_hook(interrupts)
    try:
        runner.train()
    finally:
        close_runner(runner)
        del runner
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return hook.best
