"""Runners of mmengine: built with a quiet console and checks of their loops."""

import inspect
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, IterBasedTrainLoop, Runner
from torch import nn

from mmseg_mammo.engine.config.checks import check_config, check_launcher
from mmseg_mammo.engine.config.loading import (
    CacheChoice,
    drop_worker_settings,
    use_cache,
    with_defaults,
)
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.devices import on_gpu, use_device
from mmseg_mammo.engine.hooks.console import ConsoleHook, log_warnings, quieten, say
from mmseg_mammo.engine.validation.one_by_one import in_place_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.input_grid import InputGrid, widen_truth

# Those that mmengine itself leaves out where the config says None; it fails on others.
STOCK_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


class _OfTools:
    """A quiet console from the first line; a training without a step is refused.

    A hook would come too late for both: mmengine logs the whole config and plans the learning rate
    before it calls one. Loops of mmengine give way to those of :mod:`.one_by_one`.
    """

    quiet: bool
    pixel_cache: CacheChoice | None
    _told: frozenset[str] = frozenset()
    _caches = False

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

    def build_test_loop(self, loop: Any, *settings: Any, **more: Any) -> Any:
        return super().build_test_loop(in_place_of(loop), *settings, **more)  # type: ignore[misc]

    def build_train_loop(self, *settings: Any, **more: Any) -> Any:
        with self._loading_cached():
            loop = super().build_train_loop(*settings, **more)  # type: ignore[misc]
        refuse_empty(loop)
        return loop

    def build_val_loop(self, loop: Any, *settings: Any, **more: Any) -> Any:
        with self._loading_cached():
            return super().build_val_loop(in_place_of(loop), *settings, **more)  # type: ignore[misc]

    def build_model(self, model: Any) -> Any:
        """Let segmentors of others, which know of no small masks, have int64 as from mmseg's steps."""
        built = super().build_model(model)  # type: ignore[misc]
        preprocessor = getattr(built, 'data_preprocessor', None)
        if isinstance(preprocessor, nn.Module) and not isinstance(built, InputGrid):
            preprocessor.register_forward_hook(_widen)
        return built

    def build_dataloader(self, dataloader: Any, *settings: Any, **more: Any) -> Any:
        fast = with_defaults(dataloader, on_gpu())
        loader = super().build_dataloader(fast, *settings, **more)  # type: ignore[misc]
        if self._caches and self.pixel_cache is not None:
            self._cache(loader.dataset, self.pixel_cache)
        return loader

    @contextmanager
    def _loading_cached(self) -> Iterator[None]:
        """Loaders built inside get a cache, before a loop by iterations starts their workers."""
        self._caches = True
        try:
            yield
        finally:
            self._caches = False

    def _cache(self, dataset: Any, choice: CacheChoice) -> None:
        """Turn the pixel cache on; the config, which checkpoints keep, does not know of it."""
        told = set(self._told)
        for line in use_cache(dataset, choice, told):
            if is_main_process():
                say(self.logger, line)  # type: ignore[attr-defined]
        self._told = frozenset(told)


def _widen(_: nn.Module, __: Any, data: Any) -> None:
    for sample in (data.get('data_samples') if isinstance(data, dict) else None) or []:
        widen_truth(sample)


def build(cfg: Config, cache: CacheChoice | None = None) -> Runner | FlexibleRunner:
    """Build the runner that ``cfg`` names; the default is that of mmengine.

    Args:
        cfg: Of the run.
        cache: Of the pixels of training and validation images; None: as the config says.
    """
    drop_worker_settings(cfg)
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
    settings = {'quiet': quiet, 'pixel_cache': cache}
    return type(base.__name__, (_OfTools, base), settings).from_cfg(cfg)  # type: ignore[attr-defined]


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


def build_runner(
    cfg: Config, local_rank: int, cache: CacheChoice | None = None
) -> Runner | FlexibleRunner:
    """The runner of ``cfg``, in this process or as one of those that a launcher started.

    Args:
        cfg: Of the run; changed.
        local_rank: Of the process on its machine.
        cache: See :func:`build`.
    """
    check_config(cfg)
    use_device(cfg.get('device'), cfg.launcher)
    check_launcher(cfg.launcher)
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    if cfg.get('randomness', {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # read when CUDA starts
    if cfg.launcher != 'none' and not on_gpu():
        _join_through_gloo(cfg)
    hooks = cfg.get('default_hooks', {})
    for name in [name for name, hook in hooks.items() if hook is None and name not in STOCK_HOOKS]:
        del hooks[name]
    if 'strategy' in cfg and cfg.launcher == 'none':
        raise MammoError(
            f'{type_name(cfg.strategy.type)} with a single process',
            remedy='Start one process per GPU: tools/dist_train.sh CONFIG GPUS',
        )
    if 'strategy' in cfg:
        _evaluate_in_step(cfg)
    return build(cfg, cache)


def _evaluate_in_step(cfg: Config) -> None:
    """Give each process as many images: those of a split model wait for each other at each step."""
    for split in ('val', 'test'):
        sampler = (cfg.get(f'{split}_dataloader') or {}).get('sampler', {})
        if 'round_up' in sampler:
            sampler.round_up = True


def _join_through_gloo(cfg: Config) -> None:
    """Let processes without GPUs talk; mmengine assumes a GPU per process."""
    if cfg.launcher != 'pytorch':
        raise MammoError(
            f'--launcher {cfg.launcher}: no GPU that this run can use',
            'several processes without GPUs through torchrun only (--launcher pytorch)',
        )
    if not dist.is_initialized():  # by the stage before
        dist.init_process_group('gloo')
    cfg.sync_bn = None  # torch has it for GPUs only
    if 'strategy' in cfg:
        cfg.strategy.model_wrapper.device_id = torch.device('cpu')
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
