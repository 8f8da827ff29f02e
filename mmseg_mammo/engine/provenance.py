"""Provenance of a run: versions, commit, config hash, parameters, memory and time."""

import hashlib
import json
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
from mmengine.dist import all_reduce, get_world_size

from mmseg_mammo.engine.config.loading import without_cache
from mmseg_mammo.engine.devices import on_gpu
from mmseg_mammo.engine.fsdp import count_all
from mmseg_mammo.models.peft.trainable import unwrapped
from mmseg_mammo.version import __version__

PACKAGES = (
    *('torch', 'torchvision', 'numpy', 'opencv-python', 'opencv-python-headless'),
    *('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation', 'onedl-mmpretrain'),
    *('mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain'),
    *('onnxruntime', 'onnxruntime-gpu'),
)
# Settings of the run, not of the experiment: they leave the config's hash alone.
_NOT_HASHED = (
    *('work_dir', 'launcher', 'resume', 'load_from', 'log_level', 'filename', 'device'),
    *('sync_bn', 'model_wrapper_cfg'),  # how processes without GPUs are joined
)


def combine_processes(images: float, seconds: float, peak: float) -> tuple[float | None, float]:
    """Combine the measurements of all processes; every process has to call it.

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
    """Seconds after the GPU has finished its queue; only differences have a meaning."""
    if on_gpu():
        torch.cuda.synchronize()
    return time.perf_counter()


def config_hash(cfg: Config) -> str:
    """SHA-256 of a resolved config, without the settings that belong to one run of it."""
    settings = {k: v for k, v in without_cache(cfg.to_dict()).items() if k not in _NOT_HASHED}
    settings.get('strategy', {}).get('model_wrapper', {}).pop('device_id', None)
    evaluators = settings.get('test_evaluator') or []
    for one in evaluators if isinstance(evaluators, list) else [evaluators]:
        for option in ('output_dir', 'keep_results'):  # of --out
            one.pop(option, None)
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def run_hash(cfg: Config) -> str:
    """As :func:`config_hash`, without names by which runs of one process are told apart."""
    settings = cfg.to_dict()
    settings.pop('experiment_name', None)
    if settings.get('visualizer'):
        settings['visualizer']['name'] = 'visualizer'  # as it is in a process of one run
    return config_hash(Config(settings))


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
