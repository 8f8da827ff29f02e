"""Training steps in several processes of this machine, a GPU each where there are some."""

import json
import socket
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from torch.multiprocessing import spawn

from mmseg_mammo import register
from mmseg_mammo.benchmark.batch import synthetic_batch
from mmseg_mammo.benchmark.cost import peak_memory
from mmseg_mammo.benchmark.train_step import build_model
from mmseg_mammo.engine.config.edits import input_size
from mmseg_mammo.engine.provenance import clock
from mmseg_mammo.errors import MammoError


def measure_processes(
    cfg: Config, count: int, images: int, warmup: int, steps: int
) -> dict[str, Any]:
    """Train one batch of each process together, as ``dist_train.sh`` does.

    Args:
        cfg: With ``model`` and ``optim_wrapper``.
        count: Processes.
        images: Of a batch of each of them.
        warmup: Steps before the timed ones.
        steps: Timed steps.

    Returns:
        ``seconds`` of a step (median), ``images_per_second`` of all processes, and ``peak_bytes`` of
        one of them.

    Raises:
        MammoError: There are GPUs, but fewer.
    """
    gpus = torch.cuda.device_count()
    if 0 < gpus < count:
        raise MammoError(f'--processes {count}: {gpus} GPUs here', f'at most {gpus}')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    settings = {'model': cfg.model.to_dict(), 'optim_wrapper': cfg.optim_wrapper.to_dict()}
    settings['find_unused_parameters'] = cfg.get('find_unused_parameters', False)
    size = (images, *input_size(cfg))
    with TemporaryDirectory(prefix='benchmark-') as folder:
        out = Path(folder) / 'found.json'
        given = (count, port, settings, cfg.get('default_scope', 'mmseg'), size)
        spawn(_work, (*given, warmup, steps, str(out)), nprocs=count)
        seconds, peak = json.loads(out.read_text())
    median = statistics.median(seconds)
    return {
        'seconds': median,
        'images_per_second': count * images / median,
        'peak_bytes': peak,
    }


def _work(
    rank: int,
    count: int,
    port: int,
    settings: dict[str, Any],
    scope: str,
    size: tuple[int, int, int],
    warmup: int,
    steps: int,
    out: str,
) -> None:
    """One of the processes; the first writes what it measured."""
    register()
    init_default_scope(scope)
    device = _join(rank, count, port)
    set_random_seed(0)
    cfg = Config(settings)
    model = MMDistributedDataParallel(
        build_model(cfg).to(device).train(),
        device_ids=None if device.type == 'cpu' else [rank],
        broadcast_buffers=False,
        find_unused_parameters=cfg.find_unused_parameters,
    )
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = {
        name: [item.to(device) for item in items]
        for name, items in synthetic_batch(*size, seed=rank).items()
    }
    for _ in range(warmup):
        model.train_step(batch, optimizer)
    seconds = []
    for _ in range(steps):
        dist.barrier()
        start = clock()
        model.train_step(batch, optimizer)
        seconds.append(clock() - start)
    peak = peak_memory(lambda: model.train_step(batch, optimizer), device)
    if rank == 0:
        Path(out).write_text(json.dumps([seconds, peak]))
    dist.barrier()
    dist.destroy_process_group()


def _join(rank: int, count: int, port: int) -> torch.device:
    """Join the group of processes; the device of this one."""
    gpu = torch.cuda.is_available()
    device = torch.device('cuda', rank) if gpu else torch.device('cpu')
    if gpu:
        torch.cuda.set_device(device)
    place = f'tcp://127.0.0.1:{port}'
    dist.init_process_group('nccl' if gpu else 'gloo', place, rank=rank, world_size=count)
    return device
