"""Training steps with their loading, beside the same steps without: what the loader costs a training."""

import copy
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import set_random_seed

from mmseg_mammo.benchmark.loading import cache_data, endless, training_data
from mmseg_mammo.benchmark.train_step import build_model
from mmseg_mammo.engine.provenance import clock


def measure_loading(
    cfg: Config, images: int, warmup: int, steps: int, folder: Path
) -> dict[str, Any]:
    """Train from the loader of a config, with its workers and the pixel cache, then on one batch.

    The cache is filled before, as in all epochs of a training but the first; it holds as many images
    as all steps take.

    Args:
        cfg: With ``model``, ``optim_wrapper`` and ``train_dataloader``; left as it is.
        images: Of a batch.
        warmup: Steps before the timed ones; workers start in them.
        steps: Timed steps of each kind.
        folder: Of the cache.

    Returns:
        ``workers``, ``seconds_per_step`` with loading (mean), ``alone_seconds`` of a step on a batch
        that is there (median), their ``ratio``, and ``wait_share``, the part of the time with loading
        in which the step waits for its batch.
    """
    cfg = copy.deepcopy(cfg)
    cfg.train_dataloader.batch_size = images
    workers = cfg.train_dataloader.get('num_workers', 0)
    dataset = training_data(cfg, images * (steps + warmup))
    cache_data(dataset, folder)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    set_random_seed(0)
    model: Any = build_model(cfg).to(device).train()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    batches = endless(cfg, dataset, workers)
    batch = next(batches)
    for _ in range(warmup):
        model.train_step(next(batches), optimizer)
    waited, start = 0.0, clock()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        model.train_step(batch, optimizer)
    spent = clock() - start
    del batches  # its workers
    alone = [_timed(model, batch, optimizer) for _ in range(steps)]
    median = statistics.median(alone)
    return {
        'workers': workers,
        'seconds_per_step': spent / steps,
        'alone_seconds': median,
        'ratio': spent / steps / median,
        'wait_share': waited / spent,
    }


def _timed(model: Any, batch: Any, optimizer: Any) -> float:
    start = clock()
    model.train_step(batch, optimizer)
    return clock() - start
