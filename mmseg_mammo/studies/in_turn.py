"""In turn: trainings and tests in a process that runs many of them, each with a folder and loggers of its own."""

import gc
from pathlib import Path

import torch
from mmengine.config import Config

from mmseg_mammo.engine.config.loading import CacheChoice
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.engine.training_record.reference import fill_reference
from mmseg_mammo.engine.work_dir import claim_for_training, last_checkpoint, unique_start
from mmseg_mammo.studies.closing import close_runner


def name_apart(cfg: Config, work_dir: Path, seed: int | None = None) -> None:
    """Give a config a work folder, and loggers of its own in a process that runs many.

    Args:
        cfg: Changed in place.
        work_dir: Its folder.
        seed: Of the training; None leaves it.
    """
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = str(work_dir.resolve())
    cfg.setdefault('launcher', 'none')
    if cfg.get('visualizer'):
        cfg.visualizer.name = cfg.work_dir
    if seed is not None:
        cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}


def train_in_turn(cfg: Config, resume: bool, cache: CacheChoice | None = None) -> None:
    """Train a config, and leave nothing of it in the process.

    Args:
        cfg: Complete, with its work folder.
        resume: Whether to go on with what that holds.
        cache: Of the pixels.
    """
    work_dir = Path(cfg.work_dir)
    cfg.resume = claim_for_training(work_dir, resume)
    if cfg.resume:
        cfg.load_from = str(last_checkpoint(work_dir))
    fill_reference(cfg)
    runner = build_runner(cfg, 0, cache)
    try:
        runner.train()
    finally:
        close_runner(runner)
        del runner
        _free()


def test_in_turn(cfg: Config, checkpoint: Path, work_dir: Path) -> Path:
    """Test a checkpoint, and leave nothing of it in the process.

    Args:
        cfg: Complete; changed in place.
        checkpoint: With the weights.
        work_dir: Of the test.

    Returns:
        The run folder.
    """
    cfg.load_from, cfg.resume, cfg.launcher = str(checkpoint), False, 'none'
    name_apart(cfg, work_dir)
    with unique_start(work_dir):
        runner = build_runner(cfg, 0)
    try:
        runner.test()
        return Path(runner.log_dir)
    finally:
        close_runner(runner)
        del runner
        _free()


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
