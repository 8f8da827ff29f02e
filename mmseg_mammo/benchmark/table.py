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
    """Make ``path`` an empty file, and see that there is no picture beside it.

    Raises:
        MammoError: One of them exists, or the folder does not.
    """
    remedy = 'Name another file; no result is overwritten'
    picture = picture_of(path)
    if picture == path or (picture.exists() and not path.exists()):
        said = 'its picture would be of this name' if picture == path else f'{picture} exists'
        raise MammoError(f'--out {path}: {said}', 'a name such as a.json', remedy)
    try:
        path.open('x').close()
    except FileExistsError as error:
        raise MammoError(f'--out {path}: it exists', remedy=remedy) from error
    except OSError as error:
        raise MammoError(
            f'--out {path}: {error.strerror}', 'a file in a folder of yours'
        ) from error


def picture_of(path: Path) -> Path:
    """The PNG file beside a JSON file."""
    return path.with_suffix('.png')


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


def header(columns: Sequence[str] = _COLUMNS) -> str:
    """The first two lines of a table, in Markdown; by default of that of training steps."""
    return f'| {" | ".join(columns)} |\n|{"---|" * len(columns)}'


def line(cells: Sequence[object]) -> str:
    """A line of a table, in Markdown."""
    return f'| {" | ".join(map(str, cells))} |'


def lines(row: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a row, in Markdown: one for each side."""
    for side in row['sides']:
        ratios = row['ratios'].get(side['name'], {})
        cells = [
            Path(row['config']).stem,
            '×'.join(str(length) for length in row['input']),
            str(row['batch_size']),
            side['name'],
            side['error'] or number(side.get('median_seconds'), 1, 3),
            number(side.get('images_per_second'), 1, 2),
            number(side.get('flops'), 1e9, 1),
            number(side.get('flops_per_second'), 1e9, 1),
            number(side.get('step_peak_bytes'), 2**20, 0),
            number(side.get('model_bytes'), 2**20, 0),
            number(side.get('loss'), 1, 6),
            spread(ratios.get('time')),
            spread(ratios.get('cpu_time')),
            number(ratios.get('memory'), 1, 2),
        ]
        yield line(cells)


def number(value: float | None, unit: float = 1, digits: int = 2) -> str:
    """``value`` in units of ``unit``; a dash where it was not measured."""
    return '–' if value is None else f'{value / unit:,.{digits}f}'


def spread(quartiles: Sequence[float] | None) -> str:
    """Median, lower to upper quartile; a dash where there are none."""
    if quartiles is None:
        return '–'
    low, middle, high = quartiles
    return f'{middle:.2f} ({low:.2f} to {high:.2f})'
