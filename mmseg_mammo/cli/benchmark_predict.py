"""Measure prediction on images one by one, from file to mask, beside MMSegmentation's inference_model.

Example:
  mammoseg benchmark predict setr_pup_vpt_cbis --phantoms 8
  mammoseg benchmark predict setr_pup_vpt_cbis --checkpoint best.pth --images a.dcm b.dcm

Without a checkpoint the weights are random, which cost the same.
"""

import argparse
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

    from mmseg_mammo.inference.predictor import Predictor

_COLUMNS = ('side', 'images', 's / image', 'CPU s / image', 'peak MiB', 'same pixels')
_RATIOS = ('time ÷ ours', 'CPU time ÷ ours')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a benchmark of prediction."""
    add = parser.add_argument
    add('config', metavar='CONFIG', help='config file, or the name of a shipped one')
    add('--checkpoint', type=Path, help='(default: random weights)')
    add('--images', type=Path, nargs='+', help="files (default: the config's, or phantoms)")
    add_phantoms(parser)
    add('--count', type=int, default=20, help='at most so many images (default: 20)')
    add('--side', type=int, help="side of the square model input in pixels (default: the config's)")
    add('--device', default='auto', help='auto, cpu, cuda or cuda:1 (default: auto)')
    add_cfg_options(parser)
    add_out(parser)


def main(args: argparse.Namespace) -> None:
    """Measure, print and write."""
    from mmengine.registry import init_default_scope

    from mmseg_mammo.benchmark.pictures import write_curves
    from mmseg_mammo.benchmark.prediction import measure_command, measure_prediction
    from mmseg_mammo.benchmark.table import header, picture_of, write_results

    check_counts(args, ('count', 'phantoms', 'height'))
    cfg = read_config(args.config, args)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    out = claim_out(args)
    with data_folder(args) as folder, TemporaryDirectory(prefix='benchmark-') as work:
        images = _choose_images(cfg, folder, args)
        predictor = _predictor(cfg, images[0], Path(work), args)
        row = measure_prediction(predictor, images)
        row['sides'].append(measure_command(predictor, images, Path(work) / 'out'))
    facts = {'benchmark': 'predict', 'config': cfg.filename, 'checkpoint': str(args.checkpoint)}
    write_results(out, [row], **facts)
    print(header((*_COLUMNS, *_RATIOS)))
    print('\n'.join(_lines_of_sides(row)))
    write_curves(picture_of(out), Path(args.config).stem, _panels_of_sides(row))
    print(f'Everything that was measured: {out}')


def _choose_images(cfg: 'Config', folder: Path | None, args: argparse.Namespace) -> list[Path]:
    from mmseg.registry import DATASETS

    if args.images:
        return args.images[: args.count]
    use_phantoms(cfg, folder)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return [
        Path(dataset.get_data_info(n)['img_path']) for n in range(min(args.count, len(dataset)))
    ]


def _predictor(cfg: 'Config', image: Path, work: Path, args: argparse.Namespace) -> 'Predictor':
    """With the weights that the command line names, or random ones that mark little."""
    from mmseg_mammo.benchmark.prediction import random_checkpoint, untrained_threshold
    from mmseg_mammo.inference.predictor import Predictor

    if args.checkpoint:
        return Predictor(args.checkpoint, config=cfg, device=args.device)
    path = work / 'random.pth'
    random_checkpoint(cfg, path)
    threshold = untrained_threshold(Predictor(path, config=cfg, device=args.device), image)
    return Predictor(path, config=cfg, device=args.device, threshold=threshold)


def _lines_of_sides(row: dict[str, Any]) -> list[str]:
    from mmseg_mammo.benchmark.table import line, number, spread

    found = []
    for side in row['sides']:
        ratios = row['ratios'].get(side['name'], {})
        cells = [side['name'], row['images'], number(side['median_seconds'], 1, 3)]
        cells += [number(side['median_cpu_seconds'], 1, 3)]
        cells += [number(side.get('peak_bytes'), 2**20, 0), number(side.get('equal'), 1, 4)]
        found.append(
            line([*cells, spread(ratios.get('seconds')), spread(ratios.get('cpu_seconds'))])
        )
    return found


def _panels_of_sides(row: dict[str, Any]) -> list[Any]:
    from mmseg_mammo.benchmark.pictures import Panel

    names = {float(place): side['name'] for place, side in enumerate(row['sides'])}
    texts = {'by the clock': 'median_seconds', 'CPU': 'median_cpu_seconds'}
    series = {
        text: [(place, side[key]) for place, side in zip(names, row['sides'], strict=True)]
        for text, key in texts.items()
    }
    return [Panel('', 'seconds an image', series, names=names)]
