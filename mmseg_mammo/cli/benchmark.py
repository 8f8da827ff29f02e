"""Measure what a training step costs, beside the same model with another project's encoder.

Example:
  mammoseg benchmark train setr_pup_vpt_cbis --against mmseg timm

docs/benchmark.md says how to read the table.
"""

import argparse
import copy
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.arguments import add_cfg_options
from mmseg_mammo.cli.common import check_counts, host_command

if TYPE_CHECKING:
    from mmengine.config import Config

PEERS = ('mmseg', 'timm', 'segment-anything')  # those of mmseg_mammo.benchmark.peers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be measured, with the arguments of each."""
    train = parser.add_subparsers(required=True, metavar='WHAT').add_parser(
        'train',
        help='a training step',
        description=parser.description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.set_defaults(parser=train)
    add = train.add_argument
    add('configs', nargs='+', metavar='CONFIG')
    add('--against', nargs='+', choices=PEERS, default=(), help='whose encoder to compare with')
    add('--batch-size', type=int, nargs='+', help="one row each (default: the config's)")
    add('--side', type=int, help="side of the square model input in pixels (default: the config's)")
    add('--amp', action='store_true', help='automatic mixed precision')
    add('--data', action='store_true', help='train on real images, not on noise')
    add('--steps', type=int, default=10, help='timed steps (default: 10)')
    add('--warmup', type=int, default=2, help='steps before them (default: 2)')
    add_cfg_options(train)
    add('--out', type=Path, help='JSON file (default: benchmark-<time>.json), never overwritten')


@host_command
def main(args: argparse.Namespace) -> None:
    """Measure every config at every batch size; print and write each row when it is there."""
    from mmengine.registry import init_default_scope

    from mmseg_mammo.benchmark.peers import check_peers
    from mmseg_mammo.benchmark.table import claim_file, header, lines, write_results

    check_counts(args, ('steps', 'warmup', 'batch_size'), 'numbers from 1 on')
    configs = [read(path, args) for path in args.configs]
    init_default_scope(configs[0].get('default_scope', 'mmseg'))
    check_peers([cfg.model for cfg in configs], args.against)
    out = args.out or Path(time.strftime('benchmark-%Y%m%d_%H%M%S.json'))
    claim_file(out)
    facts = {'benchmark': 'train', 'data': args.data, 'warmup': args.warmup, 'steps': args.steps}
    rows: list[dict] = []
    write_results(out, rows, **facts)
    print(header())
    for cfg in configs:
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        for images in args.batch_size or [cfg.train_dataloader.batch_size]:
            rows.append(measure_row(cfg, images, args))
            write_results(out, rows, **facts)
            print('\n'.join(lines(rows[-1])), flush=True)
    print(f'Everything that was measured: {out}')


def read(path: str, args: argparse.Namespace) -> 'Config':
    """The config of ``path`` with the overrides of the command line.

    Raises:
        MammoError: It cannot be read, or no single process trains it.
    """
    from mmseg_mammo.benchmark.train_step import check_trainable
    from mmseg_mammo.engine.config.edits import use_mixed_precision
    from mmseg_mammo.engine.config.load import load_config

    cfg = load_config(
        argparse.Namespace(
            config=path,
            side=args.side,
            cfg_options=args.cfg_options and copy.deepcopy(args.cfg_options),
            launcher='none',
            work_dir=None,
        )
    )
    check_trainable(cfg, path)
    if args.amp:
        use_mixed_precision(cfg)
    return cfg


def measure_row(cfg: 'Config', images: int, args: argparse.Namespace) -> dict:
    """Measure a config at a batch size.

    Args:
        cfg: Of :func:`read`.
        images: Of a batch.
        args: The command line.

    Returns:
        The row; see :func:`mmseg_mammo.benchmark.train_step.measure`.
    """
    from mmseg_mammo.benchmark.batch import real_batch, synthetic_batch
    from mmseg_mammo.benchmark.train_step import measure
    from mmseg_mammo.engine.config.edits import input_size

    batch = real_batch(cfg, images) if args.data else synthetic_batch(images, *input_size(cfg))
    return measure(cfg, args.against, batch, args.warmup, args.steps)
