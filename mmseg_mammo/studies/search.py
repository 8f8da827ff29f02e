"""Hyper-parameter search with Optuna, by lesion Dice on the validation split alone."""

import copy
import csv
import gc
import io
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import MaxTrialsCallback, StudyDirection
from optuna.trial import TrialState

from mmseg_mammo.engine.provenance import config_hash
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.scalars import LOWER, MONITOR, best, better
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.studies.interrupts import Interrupts

DIRECTION = StudyDirection.MINIMIZE if better(MONITOR) == LOWER else StudyDirection.MAXIMIZE
STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Space:
    """What is searched: the learning rate from ``low`` to ``high``, and lists to choose from.

    ``prompt_lengths`` is empty for a model without prompts.
    """

    low: float
    high: float
    batch_sizes: tuple[int, ...]
    prompt_lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise MammoError(f'--lr {self.low} {self.high}', 'two rates, 0 < LOW <= HIGH')
        for name, values, lowest in (
            ('--batch-size', self.batch_sizes, 1),
            ('--prompt-length', self.prompt_lengths, 0),
        ):
            if any(value < lowest for value in values):
                raise MammoError(f'{name} {min(values)}', f'numbers from {lowest} on')

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Values for a trial, by their path in the config."""
        found: dict[str, Any] = {
            'optim_wrapper.optimizer.lr': trial.suggest_float('lr', self.low, self.high, log=True),
            'train_dataloader.batch_size': trial.suggest_categorical(
                'batch_size', self.batch_sizes
            ),
        }
        if self.prompt_lengths:
            length = trial.suggest_categorical('prompt_length', self.prompt_lengths)
            found['model.backbone.prompt_length'] = length
        return found


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


def search(study: optuna.Study, cfg: Config, space: Space, trials: int) -> None:
    """Run trials until the study has ``trials`` that ended, those of other jobs included.

    A trial that diverges or runs out of memory is recorded as failed. Ctrl-C fails the trial
    that runs and ends the search; that of a killed process stays as running and is not counted.

    Raises:
        KeyboardInterrupt: Ctrl-C, once the step that runs has ended.
    """
    interrupts = Interrupts()

    def run(trial: optuna.Trial) -> float:
        return run_trial(trial, cfg, space.suggest(trial), interrupts)

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
    trial: optuna.Trial, cfg: Config, values: Mapping[str, Any], interrupts: Interrupts
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
    runner = build_runner(ours, 0)
    hook = PruningHook(trial)
    runner.register_hook(hook)
    runner.register_hook(interrupts)
    try:
        runner.train()
    finally:
        for handler in [*runner.logger.handlers]:
            if isinstance(handler, logging.FileHandler):
                handler.close()
        del runner
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return hook.best


def write_results(study: optuna.Study, path: Path) -> list[str]:
    """Write the trials as CSV and a picture beside the journal ``path``.

    Returns:
        The best values as ``--cfg-options``, empty if no trial was completed.
    """
    columns = ('number', 'state', MONITOR, 'epochs', 'lr', 'batch_size', 'prompt_length')
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval='')
    table.writeheader()
    for trial in study.trials:
        seen = trial.intermediate_values.values()
        score = best(MONITOR, seen) if seen else ''
        facts = {'number': trial.number, 'state': trial.state.name, MONITOR: score}
        epochs = max(trial.intermediate_values, default=0)
        table.writerow({**facts, 'epochs': epochs, **trial.params})
    write_atomic(path.with_suffix('.csv'), lambda s: s.write(text.getvalue().encode()))
    draw(study.trials, path.with_suffix('.png'))
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        return []
    paths = {
        'lr': 'optim_wrapper.optimizer.lr',
        'batch_size': 'train_dataloader.batch_size',
        'prompt_length': 'model.backbone.prompt_length',
    }
    return [f'{paths[name]}={value}' for name, value in study.best_params.items()]


def draw(trials: Sequence[optuna.trial.FrozenTrial], path: Path) -> None:
    """Draw the score of every trial over its number and over each value that was searched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seen = [trial for trial in trials if trial.intermediate_values]
    names = sorted({name for trial in seen for name in trial.params})
    figure = Figure(figsize=(3.4 * (1 + len(names)), 3.2), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + len(names), sharey=True, squeeze=False)[0]
    for state, marker in ((TrialState.COMPLETE, 'o'), (TrialState.PRUNED, 'x')):
        those = [trial for trial in seen if trial.state == state]
        scores = [best(MONITOR, trial.intermediate_values.values()) for trial in those]
        axes[0].plot([t.number for t in those], scores, marker, label=state.name.lower())
        for axis, name in zip(axes[1:], names, strict=True):
            values = [t.params[name] for t in those]
            if name != 'lr':  # categories in the order of their values, at even distances
                choices = sorted({trial.params[name] for trial in seen if name in trial.params})
                axis.set_xticks(range(len(choices)), [str(choice) for choice in choices])
                values = [choices.index(value) for value in values]
            axis.plot(values, scores, marker)
    for axis, name in zip(axes, ['trial', *names], strict=True):
        axis.set_xlabel(name.replace('_', ' '))
        if name == 'lr':
            axis.set_xscale('log')
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylim(0, max(1, axes[0].get_ylim()[1]))  # percent; 1e-8 is nothing
    axes[0].set_ylabel('best lesion Dice on validation, %')
    axes[0].legend()
    stream = io.BytesIO()
    figure.savefig(stream, format='png', dpi=120)
    write_atomic(path, lambda s: s.write(stream.getvalue()))
