"""``run.json``: what a run was, for the report and for whoever asks a year later."""

import hashlib
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import all_reduce, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.datasets.description import describe_data
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.devices import on_gpu
from mmseg_mammo.engine.fsdp import count_all
from mmseg_mammo.engine.hooks.early_stopping import WAITED
from mmseg_mammo.engine.hooks.epoch_seed import is_deterministic
from mmseg_mammo.engine.resume import DATA, facts_of
from mmseg_mammo.io.image import write_atomic
from mmseg_mammo.models.peft.trainable import unwrapped
from mmseg_mammo.version import __version__

PACKAGES = (
    *('torch', 'torchvision', 'numpy', 'opencv-python', 'opencv-python-headless'),
    *('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation', 'onedl-mmpretrain'),
    *('mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain'),
)
# Settings of the run, not of the experiment: they leave the config's hash alone.
_NOT_HASHED = (
    *('work_dir', 'launcher', 'resume', 'load_from', 'log_level', 'filename', 'device'),
    *('sync_bn', 'model_wrapper_cfg'),  # how processes without GPUs are joined
)
_WARM_UP = 3  # steps that are not timed


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``run.json`` to the run's folder: at its start, after each epoch, and at its end.

    ``docs/evaluation.md`` describes the fields. Nothing of patients goes in but counts.
    """

    priority = 'LOWEST'  # the scores and checkpoints of an epoch are known then

    def before_run(self, runner: Any) -> None:
        """Start the clocks."""
        self._started = time.time()
        self._timed = [0, 0.0]  # images and seconds
        self._record: dict[str, Any] = {}
        self._trained_on: dict[str, Any] = {}
        if on_gpu():
            torch.cuda.reset_peak_memory_stats()

    def before_train(self, runner: Any) -> None:
        """Describe a training."""
        self._trained_on = facts_of(runner)
        self._begin(runner, 'train', ('train', 'val'))

    def before_test(self, runner: Any) -> None:
        """Describe a test."""
        self._begin(runner, 'test', ('test',))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Note in a checkpoint which data it comes from, for the day when it is gone on with."""
        if self._trained_on:
            checkpoint['meta'][DATA] = self._trained_on

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the images of a step; the clock runs from the warm-up to the last one."""
        self._count(batch_idx, len(data_batch['inputs']), runner.train_dataloader)

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the images of a step; the clock runs from the warm-up to the last one."""
        self._count(batch_idx, len(data_batch['inputs']), runner.test_dataloader)

    def _count(self, batch_idx: int, images: int, loader: Any) -> None:
        if batch_idx == _WARM_UP - 1:  # before the next batch is loaded
            self._clock, self._images = clock(), 0
        elif batch_idx >= _WARM_UP:
            self._images += images
            if batch_idx == len(loader) - 1:
                self._timed[0] += self._images
                self._timed[1] += clock() - self._clock

    def after_train_epoch(self, runner: Any) -> None:
        """Write what is known, for a run that is killed."""
        self._update(runner, 'running', epochs=runner.epoch + 1)

    def after_train(self, runner: Any) -> None:
        """Complete the record of a training."""
        info = runner.message_hub.runtime_info
        early = runner.train_loop.stop_training
        self._update(
            runner,
            'finished',
            epochs=runner.epoch,
            stopped_early=early,
            epochs_without_better_train_loss=info.get(WAITED),
            best_score=info.get('best_score'),
            best_checkpoint=info.get('best_ckpt'),
            last_checkpoint=info.get('last_ckpt'),
        )

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Complete the record of a test."""
        self._update(runner, 'finished', scores=metrics)

    def _begin(self, runner: Any, mode: str, splits: tuple[str, ...]) -> None:
        loops = {split: getattr(runner, f'{split}_loop') for split in splits}
        loaders = {split: loop.dataloader for split, loop in loops.items() if loop}
        self._record = {
            'mode': mode,
            'config': runner.cfg.filename,
            'config_sha256': config_hash(runner.cfg),
            'checkpoint': runner.cfg.get('load_from'),
            'resumed': bool(runner.cfg.get('resume')),
            'started': time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(self._started)),
            'parameters': parameters(runner.model),
            'data': {split: describe_data(loader.dataset) for split, loader in loaders.items()},
            'batch_size': loaders[splits[0]].batch_sampler.batch_size,
            'precision': type_name(runner.cfg.get('optim_wrapper', {}).get('type')) or None,
            'seed': runner.seed,
            'deterministic': is_deterministic(runner),
            'launcher': runner.cfg.get('launcher', 'none'),
            'processes': get_world_size(),
            'device': torch.cuda.get_device_name() if on_gpu() else 'cpu',
            'versions': versions(),
            'git': git_state(Path(__file__).parent),
        }
        self._update(runner, 'running')

    def _update(self, runner: Any, state: str, **facts: Any) -> None:
        gpu = on_gpu()
        peak = torch.cuda.max_memory_allocated() / 2**30 if gpu else 0.0
        speed, peak = over_processes(self._timed[0], self._timed[1], peak)
        self._record.update(
            state=state,
            seconds=round(time.time() - self._started, 1),
            images_per_second=speed,
            peak_gpu_memory_gib=peak if gpu else None,
            peak_memory_gib=peak_resident_memory(),
            **facts,
        )
        if is_main_process():
            text = json.dumps(without_nan(self._record), indent=2, allow_nan=False, default=str)
            path = Path(runner.log_dir) / 'run.json'
            write_atomic(path, lambda stream: stream.write(text.encode()))


def over_processes(images: float, seconds: float, peak: float) -> tuple[float | None, float]:
    """Join what the processes measured; to be called by all of them.

    Args:
        images: Of this process.
        seconds: That they took.
        peak: Memory, in any unit.

    Returns:
        Images per second of all processes together, None if none was timed; the largest peak.
    """
    device = 'cuda' if on_gpu() else 'cpu'
    total = torch.tensor([images, seconds], dtype=torch.float64, device=device)
    largest = torch.tensor([peak], dtype=torch.float64, device=device)
    all_reduce(total)
    all_reduce(largest, op='max')
    mean_seconds = float(total[1]) / get_world_size()
    return float(total[0]) / mean_seconds if mean_seconds else None, float(largest)


def clock() -> float:
    """Seconds, once the GPU has done what it was given; for the ends of an interval only."""
    if on_gpu():
        torch.cuda.synchronize()
    return time.perf_counter()


def config_hash(cfg: Config) -> str:
    """SHA-256 of a resolved config, without what belongs to one run of it."""
    settings = {k: v for k, v in cfg.to_dict().items() if k not in _NOT_HASHED}
    settings.get('strategy', {}).get('model_wrapper', {}).pop('device_id', None)
    evaluators = settings.get('test_evaluator') or []
    for one in evaluators if isinstance(evaluators, list) else [evaluators]:
        for option in ('output_dir', 'keep_results'):  # of --out
            one.pop(option, None)
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def parameters(model: Any) -> dict[str, dict[str, int]]:
    """Total and trained parameters of a model, wrapped or not, and of each of its parts."""
    parts = {'all': unwrapped(model), **dict(unwrapped(model).named_children())}
    counts = {name: count_all(model, part) for name, part in parts.items()}
    return {name: {'total': n, 'trained': t} for name, (n, t) in counts.items() if n}


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python, of this package, and of those of ``packages`` that are installed."""
    found = {'python': sys.version.split()[0], 'mmseg_mammo': __version__}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found | ({'cuda': torch.version.cuda} if torch.version.cuda else {})


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the checkout that ``folder`` is in, and whether files differ; None outside one."""

    def ask(*arguments: str) -> str:
        command = ['git', '-C', str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        return {'commit': ask('rev-parse', 'HEAD'), 'changed': bool(ask('status', '--porcelain'))}
    except (OSError, subprocess.CalledProcessError):
        return None


def peak_resident_memory() -> float:
    """Peak resident memory of this process in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == 'darwin' else 2**20)


def without_nan(value: Any) -> Any:
    """``value`` with null in the place of every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
