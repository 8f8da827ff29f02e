"""Loading benchmark: images a second that a training's loader gives, from files and from the cache."""

import copy
import math
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import cv2
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import members
from mmseg_mammo.datasets.filling import fill_caches
from mmseg_mammo.engine.config.loading import CacheChoice, drop_cache, use_cache, with_defaults
from mmseg_mammo.engine.devices import on_gpu

FILES, CACHE = 'files', 'cache'
_PROC = Path('/proc')


def training_data(cfg: Config, images: int | None = None) -> Any:
    """The data set of the training of ``cfg``, without its cache.

    Args:
        cfg: Left as it is.
        images: Only the first so many, where it is one data set; None: all.
    """
    cfg = copy.deepcopy(cfg)
    drop_cache(cfg)
    settings = cfg.train_dataloader.dataset
    if images and not {'dataset', 'datasets'} & set(settings):
        settings.indices = images
        whole = DATASETS.build({**settings, 'lazy_init': True, 'indices': None})
        whole.full_init()
        settings.indices = min(images, len(whole))
    return DATASETS.build(settings)


def cache_data(dataset: Any, folder: Path | None) -> dict[str, Any]:
    """Give a data set its pixel cache, and fill it.

    Args:
        dataset: Of :func:`training_data`.
        folder: Of the cache; None as a training has it.

    Returns:
        ``images``, ``seconds`` and ``cpu_seconds`` of the filling, in this process alone.
    """
    for line in use_cache(dataset, CacheChoice(folder)):
        print(line)
    inside = [one for one in members(dataset) if isinstance(one, MammographyDataset)]
    start, cpu_start = time.perf_counter(), time.process_time()
    fill_caches({f'data {number}': one for number, one in enumerate(inside, 1)}, 0)
    return {
        'images': sum(map(len, inside)),
        'seconds': time.perf_counter() - start,
        'cpu_seconds': time.process_time() - cpu_start,
    }


def endless(cfg: Config, dataset: Any, workers: int) -> Iterator[dict]:
    """The batches of a training's loader without end, so that no epoch begins while it is measured.

    Args:
        cfg: With ``train_dataloader``, whose other settings count.
        dataset: What it loads from.
        workers: Processes; 0 loads in this one.
    """
    loader = {**cfg.train_dataloader, 'dataset': dataset, 'num_workers': workers}
    for key in ('persistent_workers', 'batch_sampler', *([] if workers else ['prefetch_factor'])):
        loader.pop(key, None)
    loader['sampler'] = dict(type='InfiniteSampler', shuffle=True)
    loader = {**with_defaults(loader, on_gpu()), 'persistent_workers': False}
    with warnings.catch_warnings():  # of more workers than cores, which may be what is measured
        warnings.filterwarnings('ignore', message='This DataLoader will create')
        return iter(Runner.build_dataloader(loader, seed=0))


def loader_rate(cfg: Config, dataset: Any, workers: int, seconds: float) -> dict[str, Any]:
    """Take batches for some time, as fast as they come.

    The clock starts when each worker has given one: the start of processes, and what a process does
    at the first image only, do not count.

    Args:
        cfg: See :func:`endless`.
        dataset: See :func:`endless`.
        workers: See :func:`endless`.
        seconds: Time after which no further batch is asked for, once each worker gave two: what they
            have begun counts in CPU time.

    Returns:
        ``workers``, ``images``, ``seconds``, ``images_per_second``, and ``cpu_seconds_per_image``
        of all processes; None where the system does not tell.
    """
    cv2.setNumThreads(0)  # as trainings do
    before = set(active_children())
    batches = endless(cfg, dataset, workers)
    for _ in range(max(1, workers)):
        next(batches)
    pids = [child.pid for child in active_children() if child not in before]
    images, taken, spent = 0, 0, 0.0
    start, cpu_start = time.perf_counter(), _cpu_seconds(pids)
    while spent < seconds or taken < 2 * workers:
        images += len(next(batches)['inputs'])
        taken, spent = taken + 1, time.perf_counter() - start
    cpu = None if cpu_start is None else (_cpu_seconds(pids) or 0.0) - cpu_start
    return {
        'workers': workers,
        'images': images,
        'seconds': spent,
        'images_per_second': images / spent,
        'cpu_seconds_per_image': None if cpu is None else cpu / images,
    }


def _cpu_seconds(pids: Iterable[int | None]) -> float | None:
    """Of this process, and of others: fields 14 and 15 of their stat, man 5 proc_pid_stat."""
    total = time.process_time()
    for pid in pids:
        try:
            fields = (_PROC / str(pid) / 'stat').read_text().rpartition(')')[2].split()
        except OSError:
            return None
        total += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    return total


def workers_for(
    step_seconds: float, batch_size: int, rows: Sequence[Mapping[str, Any]]
) -> dict[str, int | None]:
    """How many loading processes keep up with a training step, a core each.

    CPU time is that with the fewest processes beside this one, since handing batches over costs time
    too; else that of loading in this one.

    Args:
        step_seconds: Of a step without its loading.
        batch_size: Images of a step.
        rows: Of :func:`loader_rate`, with ``pixels``.

    Returns:
        By where pixels come from; None where CPU time is unknown.
    """
    found: dict[str, int | None] = {}
    for row in sorted(rows, key=lambda row: row['workers'] or math.inf):
        cpu = row['cpu_seconds_per_image']
        need = None if cpu is None else math.ceil(cpu * batch_size / step_seconds)
        found.setdefault(row['pixels'], need)
    return found
