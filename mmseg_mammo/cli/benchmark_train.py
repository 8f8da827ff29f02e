"""Measure what a training step costs, beside the same model with another project's encoder.

Example:
  mammoseg benchmark train setr_pup_vpt_cbis --against mmseg timm
  mammoseg benchmark train setr_pup_vpt_cbis --loader

docs/benchmark.md says how to read the table.
"""

import argparse
from collections.abc import Mapping, Sequence
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

if TYPE_CHECKING:
    from mmengine.config import Config

PEERS = ('mmseg', 'timm', 'segment-anything')  # those of mmseg_mammo.benchmark.peers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a benchmark of training steps."""
    add = parser.add_argument
    add('configs', nargs='+', metavar='CONFIG')
    add('--against', nargs='+', choices=PEERS, default=(), help='whose encoder to compare with')
    add('--batch-size', type=int, nargs='+', help="one row each (default: the config's)")
    add('--side', type=int, help="side of the square model input in pixels (default: the config's)")
    add('--amp', action='store_true', help='automatic mixed precision')
    add('--data', action='store_true', help='train on real images, not on noise')
    add('--loader', action='store_true', help="train from the config's own loader too")
    add('--tf32', choices=('on', 'off'), help="of float32 on GPUs (default: torch's)")
    add_phantoms(parser)
    add('--steps', type=int, default=10, help='timed steps (default: 10)')
    add('--warmup', type=int, default=2, help='steps before them (default: 2)')
    add_cfg_options(parser)
    add_out(parser)


def main(args: argparse.Namespace) -> None:
    """Measure every config at every batch size; print and write each row when it is there."""
    from mmengine.registry import init_default_scope

    from mmseg_mammo.benchmark.cost import matrix_rate
    from mmseg_mammo.benchmark.peers import check_peers
    from mmseg_mammo.benchmark.pictures import write_curves
    from mmseg_mammo.benchmark.table import header, lines, picture_of, write_results

    check_counts(args, ('steps', 'warmup', 'batch_size', 'phantoms'), 'numbers from 1 on')
    configs = [read_config(path, args) for path in args.configs]
    init_default_scope(configs[0].get('default_scope', 'mmseg'))
    check_peers([cfg.model for cfg in configs], args.against)
    out = claim_out(args)
    facts = {'benchmark': 'train', 'data': args.data, 'warmup': args.warmup, 'steps': args.steps}
    facts |= {'tf32': use_tf32(args.tf32), 'matrix_rate': matrix_rate()}
    rows: list[dict] = []
    write_results(out, rows, **facts)
    with data_folder(args) as folder:
        if args.data or args.loader:
            for cfg in configs:
                use_phantoms(cfg, folder)
        print(header())
        for cfg in configs:
            init_default_scope(cfg.get('default_scope', 'mmseg'))
            for images in args.batch_size or [cfg.train_dataloader.batch_size]:
                rows.append(measure_row(cfg, images, args))
                write_results(out, rows, **facts)
                print('\n'.join(lines(rows[-1])), flush=True)
    for row in rows:
        print_share(row, facts['matrix_rate'])
        print_twin(row)
    write_curves(picture_of(out), 'one training step', panels_of(rows))
    print(f'Everything that was measured: {out}')


def measure_row(cfg: 'Config', images: int, args: argparse.Namespace) -> dict:
    """Measure a config at a batch size.

    Args:
        cfg: Of :func:`.read_config`.
        images: Of a batch.
        args: The command line.

    Returns:
        The row; see :func:`mmseg_mammo.benchmark.train_step.measure`. With ``--loader`` also
        ``loader``, of :func:`mmseg_mammo.benchmark.epoch.measure_loading`.
    """
    from mmseg_mammo.benchmark.batch import real_batch, synthetic_batch
    from mmseg_mammo.benchmark.epoch import measure_loading
    from mmseg_mammo.benchmark.train_step import measure
    from mmseg_mammo.engine.config.edits import input_size

    batch = real_batch(cfg, images) if args.data else synthetic_batch(images, *input_size(cfg))
    row = measure(cfg, args.against, batch, args.warmup, args.steps)
    if args.loader:
        with TemporaryDirectory(prefix='benchmark-cache-') as folder:
            row['loader'] = measure_loading(cfg, images, args.warmup, args.steps, Path(folder))
    return row


def use_tf32(asked: str | None) -> str | None:
    """Let GPUs take the short form of float32, or not; None leaves both settings as they are."""
    import torch

    if asked is not None:
        torch.backends.cuda.matmul.allow_tf32 = asked == 'on'
        torch.backends.cudnn.allow_tf32 = asked == 'on'
    return asked


def print_share(row: Mapping[str, Any], rates: Mapping[str, float]) -> None:
    """Say which share of the measured rate of matrix products each side reaches."""
    kind = 'float32' if row['precision'] == 'OptimWrapper' else 'bfloat16'
    for side in row['sides']:
        if side.get('flops_per_second'):
            share = side['flops_per_second'] / rates[kind]
            print(
                f'{Path(row["config"]).stem}, {row["batch_size"]} images, {side["name"]}: '
                f'{share:.0%} of the {kind} matrix products that this device was seen to do'
            )


def print_twin(row: Mapping[str, Any]) -> None:
    """Say what a step takes with its loading, if that was measured."""
    if twin := row.get('loader'):
        print(
            f'{Path(row["config"]).stem}, {row["batch_size"]} images, {twin["workers"]} workers: '
            f'{twin["seconds_per_step"]:.3f} s a step with loading, {twin["alone_seconds"]:.3f} s '
            f'without ({twin["ratio"]:.2f}); {twin["wait_share"]:.0%} of the time is waiting'
        )


def panels_of(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Panels of the picture: rate and memory of each side over the batch size."""
    from mmseg_mammo.benchmark.pictures import Panel

    rate: dict[str, list] = {}
    memory: dict[str, list] = {}
    several = len({row['config'] for row in rows}) > 1
    for row in rows:
        for side in row['sides']:
            name = f'{Path(row["config"]).stem}, {side["name"]}' if several else side['name']
            peak = side.get('step_peak_bytes')
            rate.setdefault(name, []).append((row['batch_size'], side.get('images_per_second')))
            place = row['batch_size'], None if peak is None else peak / 2**20
            memory.setdefault(name, []).append(place)
    return [
        Panel('images of a batch', 'images a second', rate),
        Panel('images of a batch', 'peak of a step, MiB', memory),
    ]
