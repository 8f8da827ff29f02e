"""mmengine's runners as this project's tools build them."""

import inspect
import logging
import warnings
from typing import Any

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, IterBasedTrainLoop, Runner

from mmseg_mammo.engine.hooks.console import ConsoleHook, log_warnings, quieten
from mmseg_mammo.errors import MammoError

# What torch takes with worker processes only.
_OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'multiprocessing_context')


class _OfTools:
    """A quiet console from the first line; a training without a step is refused.

    A hook would come too late for both: mmengine logs the whole config and plans the learning rate
    before it calls one.
    """

    quiet: bool

    def build_logger(self, *settings: Any, **more: Any) -> Any:
        logger = super().build_logger(*settings, **more)  # type: ignore[misc]
        self._quieten(logger)
        return logger

    def build_strategy(self, *settings: Any, **more: Any) -> Any:
        strategy = super().build_strategy(*settings, **more)  # type: ignore[misc]
        self._quieten(strategy.logger)
        return strategy

    def _quieten(self, logger: logging.Logger) -> None:
        if self.quiet:
            quieten(logger)
            log_warnings(logger)

    def build_train_loop(self, *settings: Any, **more: Any) -> Any:
        loop = super().build_train_loop(*settings, **more)  # type: ignore[misc]
        refuse_empty(loop)
        return loop


def build(cfg: Config) -> Runner | FlexibleRunner:
    """The runner that ``cfg`` names, mmengine's usual one if it names none."""
    without_workers(cfg)
    kind = cfg.get('runner_type', 'Runner')
    base = kind if inspect.isclass(kind) else RUNNERS.get(kind)
    if base is None:
        raise MammoError(
            f'runner_type={kind!r}: no such runner', 'Runner, FlexibleRunner, or a registered one'
        )
    console = (cfg.get('default_hooks') or {}).get('console') or {}
    quiet = console.get('type') in ('ConsoleHook', ConsoleHook) and not console.get('everything')
    if quiet:  # each of many processes would warn of it before there is a log
        warnings.filterwarnings('ignore', message='Setting (OMP|MKL)_NUM_THREADS')
    return type(base.__name__, (_OfTools, base), {'quiet': quiet}).from_cfg(cfg)  # type: ignore[attr-defined]


def without_workers(cfg: Config) -> None:
    """Let ``num_workers=0`` switch off what is about worker processes, where torch would fail."""
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader') or {}
        if not loader.get('num_workers'):
            for key in _OF_WORKERS:
                if loader.get(key):  # what is off already is left as it is written
                    del loader[key]


def refuse_empty(loop: Any) -> None:
    """Refuse a training without a step.

    Raises:
        MammoError: Its length is 0; or every batch would be incomplete, and those are dropped.
    """
    by_step = isinstance(loop, IterBasedTrainLoop)
    name, length = ('max_iters', loop.max_iters) if by_step else ('max_epochs', loop.max_epochs)
    if length < 1:
        raise MammoError(f'train_cfg.{name}={length}: nothing is trained', '1 or more')
    loader = loop.dataloader
    if not by_step and not len(loader):
        size = getattr(loader.batch_sampler, 'batch_size', '?')
        images = len(loader.sampler)
        raise MammoError(
            f'train_dataloader.batch_size={size} of {images} images for this process, with '
            'drop_last=True: no batch is ever complete, and nothing is trained',
            f'batch_size={images} or less' if images else 'images to train on',
            'Set train_dataloader.batch_size, or train_dataloader.drop_last=False',
        )
