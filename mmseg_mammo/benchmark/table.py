"""Benchmark table: formats the measurements as Markdown, and writes them as JSON."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mmseg_mammo.engine.provenance import PACKAGES, git_state, versions
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import write_json

_COLUMNS = (
    *('config', 'input', 'batch', 'model', 's / step', 'images / s', 'GFLOP / step', 'GFLOP / s'),
    *('step peak MiB', 'model MiB', 'loss', 'time ÷', 'CPU time ÷', 'memory ÷'),
)


def claim_file(path: Path) -> None:
    """Make ``path`` an empty file.

    Raises:
        MammoError: It exists, or its folder does not.
    """
    try:
        path.open('x').close()
    except FileExistsError as error:
        remedy = 'Name another file; no result is overwritten'
        raise MammoError(f'--out {path}: it exists', remedy=remedy) from error
    except OSError as error:
        raise MammoError(
            f'--out {path}: {error.strerror}', 'a file in a folder of yours'
        ) from error


def write_results(path: Path, rows: Sequence[Mapping[str, Any]], **facts: Any) -> None:
    """Write everything that was measured, with what it was measured on, as JSON.

    Args:
        path: Written atomically.
        rows: Of :func:`mmseg_mammo.benchmark.train_step.measure`.
        facts: What else is true of all rows.
    """
    gpu = torch.cuda.is_available()
    record = {
        'written': time.strftime('%Y-%m-%dT%H:%M:%S%z'),
        'device': torch.cuda.get_device_name() if gpu else 'cpu',
        'threads': torch.get_num_threads(),
        'cpus': os.cpu_count(),
        'versions': versions((*PACKAGES, 'timm', 'segment-anything')),
        'git': git_state(Path(__file__).parent),
        **facts,
        'rows': rows,
    }
    write_json(path, record)


def header() -> str:
    """The first two lines of the table, in Markdown."""
    return f'| {" | ".join(_COLUMNS)} |\n|{"---|" * len(_COLUMNS)}'


def lines(row: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a row, in Markdown: one for each side."""
    for side in row['sides']:
        ratios = row['ratios'].get(side['name'], {})
        cells = [
            Path(row['config']).stem,
            '×'.join(str(length) for length in row['input']),
            str(row['batch_size']),
            side['name'],
            side['error'] or _number(side.get('median_seconds'), 1, 3),
            _number(side.get('images_per_second'), 1, 2),
            _number(side.get('flops'), 1e9, 1),
            _number(side.get('flops_per_second'), 1e9, 1),
            _number(side.get('step_peak_bytes'), 2**20, 0),
            _number(side.get('model_bytes'), 2**20, 0),
            _number(side.get('loss'), 1, 6),
            _spread(ratios.get('time')),
            _spread(ratios.get('cpu_time')),
            _number(ratios.get('memory'), 1, 2),
        ]
        yield f'| {" | ".join(cells)} |'


def _number(value: float | None, unit: float, digits: int) -> str:
    return '–' if value is None else f'{value / unit:,.{digits}f}'


def _spread(quartiles: Sequence[float] | None) -> str:
    if quartiles is None:
        return '–'
    low, middle, high = quartiles
    return f'{middle:.2f} ({low:.2f} to {high:.2f})'
