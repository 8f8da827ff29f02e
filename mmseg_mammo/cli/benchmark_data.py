"""Measure images a second of preparation and of a training's loader, from files and from the cache.

Example:
  mammoseg benchmark data setr_pup_vpt_cbis --phantoms 24
  mammoseg benchmark data setr_pup_vpt_cbis --workers 0 4 --step-seconds 0.09

With --phantoms also the preparation, beside a plain script of pydicom and OpenCV, and the same loader
on the DICOM files themselves.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mmseg_mammo.cli.arguments import add_cfg_options
from mmseg_mammo.cli.benchmark_options import (
    add_out,
    add_phantoms,
    claim_out,
    data_folder,
    read_config,
    use_phantoms,
)
from mmseg_mammo.cli.common import check_counts
from mmseg_mammo.errors import MammoError

if TYPE_CHECKING:
    from mmengine.config import Config

_LOADER = ('pixels', 'workers', 'images', 'images / s', 'CPU ms / image', 'files ÷ this')
_PREPARATION = ('preparation', 'processes', 'images', 'images / s', 'CPU s / image')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a benchmark of data."""
    add = parser.add_argument
    add('config', metavar='CONFIG', help='config file, or the name of a shipped one')
    add_phantoms(parser)
    add('--side', type=int, help="side of the square model input in pixels (default: the config's)")
    add('--workers', type=int, nargs='+', default=[0, 2, 4, 8], help='(default: 0 2 4 8)')
    add('--jobs', type=int, nargs='+', default=[1, 2], help='of the preparation (default: 1 2)')
    add('--images', type=int, default=256, help='at most so many of the data (default: 256)')
    add('--seconds', type=float, default=10, help='of each measurement of the loader (default: 10)')
    add(
        '--step-seconds', type=float, nargs='+', default=[], help='how many workers keep up with it'
    )
    add_cfg_options(parser)
    add_out(parser)


def main(args: argparse.Namespace) -> None:
    """Measure; print and write each row when it is there."""
    from mmengine.registry import init_default_scope

    from mmseg_mammo.benchmark.loading import workers_for
    from mmseg_mammo.benchmark.pictures import write_curves
    from mmseg_mammo.benchmark.table import header, line, number, picture_of, write_results

    check_counts(args, ('jobs', 'images', 'phantoms', 'height'), 'numbers from 1 on')
    if min(args.workers) < 0:
        raise MammoError(f'--workers {min(args.workers)}', 'numbers from 0 on')
    if min([args.seconds, *args.step_seconds]) <= 0:
        raise MammoError('--seconds, --step-seconds: 0 or less', 'positive numbers')
    cfg = read_config(args.config, args)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    out = claim_out(args)
    rows: list[dict[str, Any]] = []
    with data_folder(args) as folder:
        preparation = _prepare_phantoms(folder, args)
        use_phantoms(cfg, folder)
        batch_size = cfg.train_dataloader.batch_size
        facts = {'benchmark': 'data', 'config': cfg.filename, 'batch_size': batch_size}
        facts |= {'preparation': preparation}
        print(header(_LOADER))
        for row in _rows_of_loader(cfg, folder, args):
            rows.append(row)
            write_results(out, rows, **facts)
            if row['workers'] is None:
                continue
            cpu = row['cpu_seconds_per_image']
            cells = [row['pixels'], row['workers'], row['images']]
            cells += [number(row['images_per_second'], 1, 1), number(cpu, 1e-3, 3)]
            print(line([*cells, number(_ratio(row, rows))]), flush=True)
    measured = [row for row in rows if row['workers'] is not None]
    needs = {str(s): workers_for(s, batch_size, measured) for s in args.step_seconds}
    for seconds, need in needs.items():
        text = ', '.join(f'{n} from {pixels}' for pixels, n in need.items())
        print(f'A step of {batch_size} images in {seconds} s needs so many workers: {text}')
    write_results(out, rows, **facts, workers_needed=needs)
    write_curves(picture_of(out), Path(args.config).stem, _panels_of_loader(measured))
    print(f'Everything that was measured: {out}')


def _prepare_phantoms(folder: Path | None, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure and print the preparation of phantoms, if there are any."""
    from mmseg_mammo.benchmark.phantom_data import measure_preparation
    from mmseg_mammo.benchmark.table import header, line, number

    if folder is None:
        return []
    rows = measure_preparation(folder, args.jobs)
    print(header(_PREPARATION))
    for row in rows:
        cpu = None if row['cpu_seconds'] is None else row['cpu_seconds'] / row['images']
        cells = (row['name'], row['jobs'], row['images'], number(row['images_per_second']))
        print(line([*cells, number(cpu, 1, 3)]))
    print(flush=True)
    return rows


def _rows_of_loader(
    cfg: 'Config', folder: Path | None, args: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Rows of the loader; that of the cache's filling has no workers."""
    import copy

    from mmseg_mammo.benchmark.loading import (
        CACHE,
        FILES,
        cache_data,
        loader_rate,
        training_data,
    )
    from mmseg_mammo.benchmark.phantom_data import index_dicom, use_data

    if folder is not None:
        raw = copy.deepcopy(cfg)
        use_data(raw, index_dicom(folder))
        dataset = training_data(raw, args.images)
        yield {'pixels': 'DICOM', **loader_rate(raw, dataset, 0, args.seconds)}
    for workers in args.workers:
        dataset = training_data(cfg, args.images)
        yield {'pixels': FILES, **loader_rate(cfg, dataset, workers, args.seconds)}
    with TemporaryDirectory(prefix='benchmark-cache-') as place:
        dataset = training_data(cfg, args.images)
        yield {'pixels': 'filling the cache', 'workers': None, **cache_data(dataset, Path(place))}
        for workers in args.workers:
            yield {'pixels': CACHE, **loader_rate(cfg, dataset, workers, args.seconds)}


def _ratio(row: dict[str, Any], rows: list[dict[str, Any]]) -> float | None:
    """CPU time of an image from files, by that of this row, with as many workers."""
    from mmseg_mammo.benchmark.loading import FILES

    key = 'cpu_seconds_per_image'
    peer = [r for r in rows if (r['pixels'], r['workers']) == (FILES, row['workers'])]
    return peer[0][key] / row[key] if peer and peer[0][key] and row[key] else None


def _panels_of_loader(rows: list[dict[str, Any]]) -> list[Any]:
    from mmseg_mammo.benchmark.pictures import Panel

    kinds = list(dict.fromkeys(row['pixels'] for row in rows))

    def series(key: str, unit: float) -> dict[str, list[tuple[float, float | None]]]:
        return {
            kind: [
                (r['workers'], None if r[key] is None else r[key] / unit)
                for r in rows
                if r['pixels'] == kind
            ]
            for kind in kinds
        }

    rate, cpu = series('images_per_second', 1), series('cpu_seconds_per_image', 1e-3)
    return [
        Panel('loading processes', 'images a second', rate, 'y'),
        Panel('loading processes', 'CPU ms an image', cpu, 'y'),
    ]
