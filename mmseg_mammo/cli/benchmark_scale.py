"""Measure time and memory of training steps, loading and the index as one quantity grows.

Example:
  mammoseg benchmark scale setr_pup_vpt_cbis --phantoms 24
  mammoseg benchmark scale setr_pup_vpt_cbis --batch-sizes 1 2 4 8 16 --rows 1000 10000 100000

Only what is named is measured; everything where nothing is. The other quantities stay those of the
config, but for --images of a batch.
"""

import argparse
from pathlib import Path
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

_COLUMNS = ('over', 'value', 's', 'CPU s', 'images / s', 'peak MiB')
# Option -> its values where everything is measured.
_ALL = {
    'sides': (112, 224, 448),
    'batch_sizes': (1, 2, 4, 8),
    'prompts': (0, 10, 50, 100),
    'processes': (1, 2),
    'workers': (0, 2, 4, 8),
    'rows': (1000, 10000, 100000),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a benchmark of scale."""
    add = parser.add_argument
    add('config', metavar='CONFIG', help='config file, or the name of a shipped one')
    for name, values in _ALL.items():
        text = ' '.join(map(str, values))
        add(f'--{name.replace("_", "-")}', type=int, nargs='+', metavar='N', help=f'such as {text}')
    add_phantoms(parser)
    add('--images', type=int, help="of a batch (default: the config's)")
    add('--amp', action='store_true', help='automatic mixed precision')
    add('--steps', type=int, default=5, help='timed steps; seconds of a loader (default: 5)')
    add('--warmup', type=int, default=1, help='steps before them (default: 1)')
    add_cfg_options(parser)
    add_out(parser)


def main(args: argparse.Namespace) -> None:
    """Measure; print and write each row when it is there."""
    from mmengine.registry import init_default_scope

    from mmseg_mammo.benchmark.pictures import write_curves
    from mmseg_mammo.benchmark.scale import scale
    from mmseg_mammo.benchmark.table import header, line, number, picture_of, write_results

    counts = ('sides', 'batch_sizes', 'processes', 'rows', 'images', 'steps', 'warmup', 'phantoms')
    check_counts(args, (*counts, 'height'), 'numbers from 1 on')
    cfg = read_config(args.config, args)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    chosen = _choose_kinds(cfg, args)
    out = claim_out(args)
    images = args.images or cfg.train_dataloader.batch_size
    rows: list[dict[str, Any]] = []
    with data_folder(args) as folder:
        if 'workers' in chosen:
            use_phantoms(cfg, folder)
        print(header(_COLUMNS))
        for kind, values in chosen.items():
            for row in scale(kind, values, cfg, images, args.warmup, args.steps):
                rows.append(row)
                facts = {'benchmark': 'scale', 'config': cfg.filename, 'images': images}
                write_results(out, rows, **facts, steps=args.steps)
                cells = [kind.replace('_', ' '), row['value']]
                cells += [row.get('error') or number(row['seconds'], 1, 3)]
                cells += [number(row.get('cpu_seconds'), 1, 3)]
                cells += [number(row['images_per_second'], 1, 1)]
                print(line([*cells, number(row['peak_bytes'], 2**20, 0)]), flush=True)
    write_curves(picture_of(out), Path(args.config).stem, _panels_of_kinds(rows))
    print(f'Everything that was measured: {out}')


def _choose_kinds(cfg: 'Config', args: argparse.Namespace) -> dict[str, list[int]]:
    """What is measured, and where.

    Raises:
        MammoError: Prompts of a model without, or a number below 0.
    """
    from mmseg_mammo.benchmark.scale import prompts_of

    given = {name: getattr(args, name) for name in _ALL if getattr(args, name)}
    if given.get('prompts') and not prompts_of(cfg):
        raise MammoError(f'--prompts: {args.config} has none', 'a config of SETR-VPT')
    for name in ('prompts', 'workers'):
        if min(given.get(name, [0])) < 0:
            raise MammoError(f'--{name} {min(given[name])}', 'numbers from 0 on')
    if given:
        return given
    everything = {name: list(values) for name, values in _ALL.items()}
    if not prompts_of(cfg):
        del everything['prompts']
    return everything


def _panels_of_kinds(rows: list[dict[str, Any]]) -> list[Any]:
    from mmseg_mammo.benchmark.pictures import Panel
    from mmseg_mammo.benchmark.scale import KINDS

    def points(kind: str, key: str, unit: float) -> list[tuple[float, float | None]]:
        chosen = [row for row in rows if row['over'] == kind]
        return [(r['value'], None if r.get(key) is None else r[key] / unit) for r in chosen]

    kinds = list(dict.fromkeys(row['over'] for row in rows))
    texts = {'by the clock': 'seconds', 'CPU': 'cpu_seconds'}
    time = [
        (kind, 'seconds', {text: points(kind, key, 1) for text, key in texts.items()})
        for kind in kinds
    ]
    memory = [(kind, 'peak, MiB', {'peak': points(kind, 'peak_bytes', 2**20)}) for kind in kinds]
    return [
        Panel(KINDS[kind], label, series, 'xy' if kind == 'rows' else '')
        for kind, label, series in [*time, *memory]
    ]
