"""Scale benchmark: time and memory of a training step, an index or a loader as one quantity grows."""

import copy
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_mammo.benchmark.batch import synthetic_batch
from mmseg_mammo.benchmark.cost import peak_memory
from mmseg_mammo.benchmark.loading import cache_data, loader_rate, training_data
from mmseg_mammo.benchmark.processes import measure_processes
from mmseg_mammo.benchmark.train_step import measure
from mmseg_mammo.engine.config.edits import input_size, use_side
from mmseg_mammo.engine.config.input_side import check_side
from mmseg_mammo.io.index import INDEX_NAME, Row, read_index, write_index

# What is varied -> its label in the picture.
KINDS = {
    'sides': 'side of the input, pixels',
    'batch_sizes': 'images of a batch',
    'prompts': 'prompts in each layer',
    'processes': 'processes that train',
    'workers': 'loading processes, with the cache',
    'rows': 'rows of the index',
}


def scale(
    kind: str, values: Sequence[int], cfg: Config, images: int, warmup: int, steps: int
) -> Iterator[dict[str, Any]]:
    """Measure at each value.

    Args:
        kind: Of :data:`KINDS`.
        values: Of what is varied.
        cfg: With a training; left as it is.
        images: Of a batch, where that is not varied.
        warmup: Steps before the timed ones.
        steps: Timed steps.

    Yields:
        Rows with ``over``, ``value``, ``seconds`` (of a step, a batch, or reading once),
        ``images_per_second`` (rows of an index) and ``peak_bytes``; None for what was not measured.
        Most have ``cpu_seconds`` too, of all threads. A step that runs out of memory has an ``error``.
    """
    one: Callable[[int], dict[str, Any]] = {
        'sides': lambda value: _step_at(cfg, images, warmup, steps, side=value),
        'batch_sizes': lambda value: _step_at(cfg, value, warmup, steps),
        'prompts': lambda value: _step_at(cfg, images, warmup, steps, prompts=value),
        'processes': lambda value: measure_processes(cfg, value, images, warmup, steps),
        'rows': measure_index,
    }.get(kind, lambda value: {})
    if kind == 'workers':
        yield from _workers(cfg, values, images, steps)
        return
    for value in values:
        yield {'over': kind, 'value': value, **one(value)}


def _step_at(
    cfg: Config,
    images: int,
    warmup: int,
    steps: int,
    side: int | None = None,
    prompts: int | None = None,
) -> dict[str, Any]:
    cfg = copy.deepcopy(cfg)
    if side is not None:
        use_side(cfg, side)
        check_side(cfg, side)
    if prompts is not None:
        cfg.model.backbone.prompt_length = prompts
    row = measure(cfg, [], synthetic_batch(images, *input_size(cfg)), warmup, steps)
    ours = row['sides'][0]
    found = {'seconds': ours.get('median_seconds'), 'peak_bytes': ours.get('step_peak_bytes')}
    found |= {key: ours.get(key) for key in ('images_per_second', 'flops')}
    cpu = statistics.median(ours['cpu_seconds']) if ours['cpu_seconds'] else None
    found |= {'cpu_seconds': cpu}
    return {**found, 'model_bytes': ours.get('model_bytes'), 'error': ours['error']}


def _workers(
    cfg: Config, values: Sequence[int], images: int, steps: int
) -> Iterator[dict[str, Any]]:
    cfg = copy.deepcopy(cfg)
    cfg.train_dataloader.batch_size = images
    with TemporaryDirectory(prefix='benchmark-cache-') as folder:
        dataset = training_data(cfg)
        cache_data(dataset, Path(folder))
        for value in values:
            rate = loader_rate(cfg, dataset, value, seconds=float(steps))
            seconds = images / rate['images_per_second']
            own = {'seconds': seconds, 'images_per_second': rate['images_per_second']}
            cpu = rate['cpu_seconds_per_image']
            own['cpu_seconds'] = None if cpu is None else images * cpu
            yield {'over': 'workers', 'value': value, **own, 'peak_bytes': None}


def prompts_of(cfg: Config) -> int:
    """Prompts in each layer of a config's backbone; 0 where it has none."""
    return int((cfg.model.get('backbone') or {}).get('prompt_length') or 0)


def measure_index(rows: int) -> dict[str, Any]:
    """Read and check an index, and start a data set of it, whose image files are empty.

    Args:
        rows: Of the index; one image each, four of a patient.

    Returns:
        ``seconds`` and ``peak_bytes`` of reading, ``images_per_second`` as rows a second, and
        ``dataset_seconds`` of the start of a training set, by the processor's clock.
    """
    with TemporaryDirectory(prefix='benchmark-index-') as name:
        root = Path(name)
        (root / 'images').mkdir()
        for number in range(rows):
            (root / f'images/{number}.png').touch()
        write_index(root / INDEX_NAME, map(_row_of, range(rows)))
        start, cpu_start = time.perf_counter(), time.process_time()
        read_index(root / INDEX_NAME)
        spent, cpu = time.perf_counter() - start, time.process_time() - cpu_start
        peak = peak_memory(lambda: read_index(root / INDEX_NAME), torch.device('cpu'))
        start = time.process_time()
        settings = dict(type='MammographyDataset', data_root=name, split='train', pipeline=[])
        DATASETS.build(settings)
        begun = time.process_time() - start
    own = {'seconds': spent, 'images_per_second': rows / spent, 'peak_bytes': peak}
    return {**own, 'cpu_seconds': cpu, 'dataset_seconds': begun}


def _row_of(number: int) -> Row:
    patient = number // 4
    return Row(
        image=f'images/{number}.png',
        mask='',
        patient_id=str(patient),
        laterality='LEFT',
        view='CC' if number % 2 else 'MLO',
        split=('train', 'train', 'train', 'val', 'test')[patient % 5],
        finding='',
        pathology='normal',
        density='2',
        annotated='normal',
        mask_kind='phantom',
        source='benchmark',
        original_height=3000,
        original_width=2000,
    )
