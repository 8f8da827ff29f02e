"""Console hook: shows a run in few lines; the log file keeps everything."""

import datetime
import logging
import math
import mmap
import time
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.logging.logger import MMFormatter
from mmengine.runner import IterBasedTrainLoop
from mmseg.registry import HOOKS

from mmseg_mammo.engine.epoch_progress import EpochLoss, TimeLeft, validation_follows
from mmseg_mammo.evaluation.scalars import MONITOR, best

# What the host warns of in every run, for nobody to act on: it goes to the file alone.
_KNOWN = (
    *('"FileClient" will be deprecated', '"HardDiskBackend" is the alias'),
    '`` would be deprecated soon, please use ``mmseg.registry',  # the original mmseg, of its own calls
    *('Default ``avg_non_ignore`` is False', 'The draw is False'),
    'is skipped since its requires_grad=False',  # each frozen parameter; their number is said
    # Of files; the images of a batch have the shape of the network's input.
    'Image shapes are different in the batch',
    *('`save_param_scheduler` is True but', '`resume_param_scheduler` is True but'),
)
# A byte for each hash of a warning, 1 where it was shown. Workers that are forked share it.
_SHOWN = mmap.mmap(-1, 1 << 20)
TUNED = 'tuned_ckpt'  # of the message hub, beside mmengine's own
_CHECKPOINTS = {'Best checkpoint': 'best_ckpt', 'Last checkpoint': 'last_ckpt', 'Tuned': TUNED}
_SECONDS = 300.0  # of silence, after which a long epoch or test says that it lives


class ConsoleFilter(logging.Filter):
    """Pass warnings, what :func:`say` says and, while ``open``, all but mmengine's own scores."""

    def __init__(self) -> None:
        super().__init__()
        self.open = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record goes to the console."""
        if record.levelno >= logging.WARNING:
            return not getattr(record, 'shown', False) and not any(
                text in str(record.msg) for text in _KNOWN
            )
        return getattr(record, 'console', False) or (self.open and record.module != 'logger_hook')


def say(logger: logging.Logger, text: str) -> None:
    """Log a line that goes to the console too."""
    logger.info(text, extra={'console': True})


def quieten(logger: logging.Logger) -> list[ConsoleFilter]:
    """Filter the console, not the files, of mmengine's logger; the filters, made once."""
    found = []
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:  # files have classes of their own
            ours = [f for f in handler.filters if isinstance(f, ConsoleFilter)]
            if not ours:
                ours = [ConsoleFilter()]
                handler.addFilter(ours[0])
                if isinstance(handler.formatter, MMFormatter):
                    handler.formatter.info_format = '%(asctime)s  %(message)s'
            found += ours
    return found


def log_warnings(logger: logging.Logger) -> None:
    """From now on Python's warnings go to ``logger``, and so into its file; each text to the console once.

    Once in this process and in the workers that it forks, however many trainings it does.
    """

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = f'{category.__name__}: {message}'
        shown = _is_shown(text)
        logger.warning(f'{filename}:{lineno}: {text}', extra={'shown': shown})

    warnings.showwarning = show


def _is_shown(text: str) -> bool:
    """Whether a warning has been on the console; from now on it has."""
    place = zlib.crc32(text.encode()) % len(_SHOWN)
    known, _SHOWN[place] = _SHOWN[place], 1
    return bool(known)


@HOOKS.register_module()
class ConsoleHook(Hook):
    """One line per epoch on the console, and the table of a test; mmengine's log goes to its file.

    A line has the training loss (mean over the images of the epoch), the validation loss, the
    score, the best one so far and the time left, if no rule ends the training before. Warnings and
    errors are shown. Where training counts in steps there is a line for each validation.

    Args:
        score: Of the evaluator; which value of it is the best says :mod:`.scalars`.
        everything: Show all that mmengine logs, as MMSegmentation does.
        checkpoints: Whether to say at the end where they are; for trainings whose weights are not kept.
    """

    priority = 'LOW'  # what it says comes after what the file has of the same

    def __init__(
        self, *, score: str = MONITOR, everything: bool = False, checkpoints: bool = True
    ) -> None:
        self.score, self.everything, self.checkpoints = score, everything, checkpoints
        self._left: TimeLeft | None = None
        self._loss = EpochLoss()
        self._filters: Sequence[ConsoleFilter] = ()
        self._spoke = time.monotonic()

    def before_run(self, runner: Any) -> None:
        """Say where the whole log is."""
        self._filters = () if self.everything else quieten(runner.logger)
        for handler in runner.logger.handlers:
            if isinstance(handler, logging.FileHandler):
                self._say(runner, f'Log: {handler.baseFilename}')

    def before_train(self, runner: Any) -> None:
        """Start the clock."""
        done, total = self._steps(runner)
        self._left = TimeLeft(done, total)
        if done:
            self._say(runner, f'Going on after {self._unit(runner)} {done} of {total}')

    def before_train_epoch(self, runner: Any) -> None:
        """Forget the last epoch's loss."""
        self._loss = EpochLoss()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add the loss of a step."""
        self._loss.add(data_batch, outputs)
        self._live(runner, f'step {runner.iter + 1} of {runner.max_iters}')

    def after_train_epoch(self, runner: Any) -> None:
        """Say how an epoch ended that is not validated."""
        if self._unit(runner) == 'epoch' and not validation_follows(runner):
            self._progress(runner, runner.epoch + 1, {})

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Say how an epoch ended, with its validation."""
        if self._left is not None:
            self._progress(runner, self._steps(runner)[0], metrics or {})
            if self._unit(runner) == 'step':
                self._loss = EpochLoss()
        self._open(False)

    def after_train(self, runner: Any) -> None:
        """Say what was best, and where it is."""
        info = runner.message_hub.runtime_info
        for name, key in _CHECKPOINTS.items():
            if self.checkpoints and info.get(key):
                self._say(runner, f'{name}: {info[key]}')
        self._left = None

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Let the table of a validation without training through, after its last batch."""
        if self._left is None:
            self._open(batch_idx + 1 == len(runner.val_dataloader))

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Let the table of a test through, after its last batch."""
        batches = len(runner.test_dataloader)
        self._open(batch_idx + 1 == batches)
        self._live(runner, f'batch {batch_idx + 1} of {batches}')

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Say where the results are."""
        self._open(False)
        self._say(runner, f'Results: {Path(runner.log_dir)}')

    def _progress(self, runner: Any, done: int, metrics: dict[str, float]) -> None:
        assert self._left is not None
        name = self.score.replace('_', ' ').replace('dice', 'Dice').replace('iou', 'IoU')
        values = {
            'loss': f'{self._loss.mean():.4f}',
            'validation loss': _number(metrics.get('val_loss'), 4),
            name: _number(metrics.get(self.score), 2),
            'raw': _number(metrics.get(f'raw_{self.score}'), 2),
            'best': _number(best_of(runner.message_hub, self.score), 2) if metrics else '',
        }
        seconds = math.ceil(self._left.seconds(done))
        values['at most'] = f'{datetime.timedelta(seconds=seconds)} left' if seconds else ''
        listed = ', '.join(f'{key} {value}' for key, value in values.items() if value)
        self._say(runner, f'{self._unit(runner)} {done} of {self._steps(runner)[1]}: {listed}')

    def _live(self, runner: Any, where: str) -> None:
        if time.monotonic() - self._spoke > _SECONDS:
            self._say(runner, where)

    def _say(self, runner: Any, text: str) -> None:
        say(runner.logger, text)
        self._spoke = time.monotonic()

    def _open(self, wide: bool) -> None:
        for one in self._filters:
            one.open = wide

    def _unit(self, runner: Any) -> str:
        return 'step' if isinstance(runner.train_loop, IterBasedTrainLoop) else 'epoch'

    def _steps(self, runner: Any) -> tuple[int, int]:
        if self._unit(runner) == 'step':
            return runner.iter, runner.max_iters
        return runner.epoch, runner.max_epochs


def best_of(hub: MessageHub, score: str) -> float | None:
    """Best value of a score over all validations of a training; NaN if none was a number.

    Returns:
        None if there was no validation, or none that gave it.
    """
    history = hub.log_scalars.get(f'val/{score}')
    values = np.asarray(history.data[0], dtype=float) if history else np.empty(0)
    numbers = values[~np.isnan(values)]
    if not len(values):
        return None
    return float(best(score, numbers)) if len(numbers) else float('nan')


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return ''
    return '–' if math.isnan(value) else f'{value:.{digits}f}'
