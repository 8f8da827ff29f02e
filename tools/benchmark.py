"""Measure what a training step costs, beside the same model with another project's encoder.

python tools/benchmark.py train configs/setr_pup_vpt_cbis.py --against mmseg timm

docs/benchmark.md says how to read the table.
"""

import argparse
import copy
import time
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

from mmseg_mammo.benchmark.batch import real_batch, synthetic_batch
from mmseg_mammo.benchmark.peers import PEERS, check_peers
from mmseg_mammo.benchmark.table import claim_file, header, lines, write_results
from mmseg_mammo.benchmark.train_step import measure
from mmseg_mammo.engine.config.edits import input_size, use_mixed_precision
from mmseg_mammo.engine.config.load import load_config
from mmseg_mammo.engine.launch import run_tool
from mmseg_mammo.errors import MammoError


def parse() -> argparse.Namespace:
    """Read and check the command line."""
    tool = argparse.ArgumentParser(description='Measure what models cost.')
    parser = tool.add_subparsers(required=True).add_parser('train', help='a training step')
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument(
        '--against', nargs='+', choices=PEERS, default=(), help='whose encoder to compare with'
    )
    parser.add_argument(
        '--batch-size', type=int, nargs='+', help="one row each (default: the config's)"
    )
    parser.add_argument('--side', type=int, help='side of the square model input in pixels')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--data', action='store_true', help='train on real images, not on noise')
    parser.add_argument('--steps', type=int, default=10, help='timed steps (default: 10)')
    parser.add_argument('--warmup', type=int, default=2, help='steps before them (default: 2)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override the config')
    parser.add_argument(
        '--out', type=Path, help='JSON file (default: benchmark-<time>.json), never overwritten'
    )
    args = tool.parse_args()
    for name in ('steps', 'warmup', 'batch_size'):
        value = getattr(args, name)
        if value is not None and min([value] if isinstance(value, int) else value) < 1:
            raise MammoError(f'--{name.replace("_", "-")} {value}', 'numbers from 1 on')
    return args


def read(path: str, args: argparse.Namespace) -> Config:
    """The config of ``path`` with the overrides of the command line."""
    cfg = load_config(
        argparse.Namespace(
            config=path,
            side=args.side,
            cfg_options=args.cfg_options and copy.deepcopy(args.cfg_options),
            launcher='none',
            work_dir=None,
        )
    )
    if not cfg.get('train_dataloader') or 'strategy' in cfg:
        raise MammoError(
            f'{path}: ' + ('a split model' if 'strategy' in cfg else 'it has no training'),
            'a config that a single process trains, such as setr_pup_vpt_cbis.py',
        )
    if args.amp:
        use_mixed_precision(cfg)
    return cfg


def main() -> None:
    """Measure every config at every batch size; print and write each row when it is there."""
    args = parse()
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
            if args.data:
                batch = real_batch(cfg, images)
            else:
                batch = synthetic_batch(images, *input_size(cfg))
            rows.append(measure(cfg, args.against, batch, args.warmup, args.steps))
            write_results(out, rows, **facts)
            print('\n'.join(lines(rows[-1])), flush=True)
    print(f'Everything that was measured: {out}')


if __name__ == '__main__':
    run_tool(main)
