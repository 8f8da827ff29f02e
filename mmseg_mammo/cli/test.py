"""Test a model: a table, one CSV line per image, and pictures of a seeded sample.

Example:
  mammoseg test CHECKPOINT
  mammoseg test CHECKPOINT --dataset data/ours
  mammoseg test setr_pup_vpt_cbis CHECKPOINT --dataset zgt

A checkpoint brings the config of its training. One that is given is used in its place, and what it
changes of the images is said.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.arguments import (
    add_checkpoint_arguments,
    add_prompt_arguments,
    add_test_output,
    read_coordinates,
)
from mmseg_mammo.cli.common import host_command
from mmseg_mammo.errors import MammoError

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a test."""
    add_checkpoint_arguments(parser)
    add = parser.add_argument
    add(
        '--dataset',
        help='test on another data set: zgt, or any prepared folder, such as data/ours '
        "(default: the config's)",
    )
    add(
        '--split',
        choices=['train', 'val', 'test'],
        help="split to test on (default: the config's, test)",
    )
    add('--out', help='new folder for the predicted masks as label images, 0 and 1, one per image')
    add_test_output(parser)
    add_prompt_arguments(parser)


@host_command
def main(args: argparse.Namespace) -> None:
    """Test, once the checkpoint and the config are known to be usable."""
    from mmseg_mammo.engine.checkpoint import check_checkpoint
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.engine.config.prompts import use_prompts
    from mmseg_mammo.engine.config.test_output import use_operating_point
    from mmseg_mammo.engine.partial_checkpoint import use_base
    from mmseg_mammo.engine.runner import build_runner
    from mmseg_mammo.engine.work_dir import unique_start
    from mmseg_mammo.io.shipped import configs_folder

    check_checkpoint(args.checkpoint)
    cfg = load_config(args, configs_folder() / '_base_' / 'datasets')
    use_base(cfg, args.checkpoint, args.base)
    if not cfg.get('test_dataloader'):
        raise MammoError(
            f'{cfg.filename} has no test, only a training',
            remedy='Add a test_dataloader and a test_evaluator, or name another config',
        )
    use_operating_point(
        cfg, args.operating_point, args.threshold, args.breast_only, args.checkpoint
    )
    cfg.load_from, cfg.resume = str(args.checkpoint), False
    coordinates = read_coordinates(args)
    if args.prompts:
        use_prompts(cfg, args.prompts, coordinates)
    if args.out:
        keep_label_images(cfg, args.out)
    with unique_start(Path(cfg.work_dir)):
        runner = build_runner(cfg, args.local_rank)
    runner.test()


def keep_label_images(cfg: 'Config', folder: str) -> None:
    """Let the metrics of the test write label images, as MMSegmentation's ``test.py --out`` does.

    Args:
        cfg: Changed in place.
        folder: New folder of the label images.
    """
    from mmseg_mammo.engine.config.type_names import type_name

    evaluators = cfg.test_evaluator
    for metric in evaluators if isinstance(evaluators, list) else [evaluators]:
        if type_name(metric.type) == 'MammographyMetric':
            metric.output_dir = folder
