"""Train a model, with MMSegmentation's command line.

Example:
  mammoseg train setr_pup_vpt_cbis
  mammoseg train setr_pup_vpt_cbis --resume --cfg-options train_dataloader.batch_size=4
"""

import argparse
from pathlib import Path

from mmseg_mammo.cli.arguments import add_cache_arguments, add_config_arguments
from mmseg_mammo.cli.common import host_command
from mmseg_mammo.errors import MammoError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a training."""
    add_config_arguments(parser)
    parser.add_argument(
        '--resume', action='store_true', help='go on from the last checkpoint of the work folder'
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    add_cache_arguments(parser)


@host_command
def main(args: argparse.Namespace) -> None:
    """Train, or go on with a training."""
    from mmseg_mammo.engine.config.edits import use_mixed_precision
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.engine.config.loading import read_cache
    from mmseg_mammo.engine.runner import build_runner
    from mmseg_mammo.engine.work_dir import claim_for_training, last_checkpoint

    cfg = load_config(args)
    if not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
        raise MammoError(
            f'{args.config} has no training, only a test',
            remedy='Train the config that its checkpoint comes from, such as setr_pup_vpt_cbis.py',
        )
    work_dir = Path(cfg.work_dir)
    cfg.resume = claim_for_training(work_dir, args.resume or bool(cfg.get('resume')))
    if cfg.resume:  # its own last checkpoint, not the one that it once started from
        cfg.load_from = str(last_checkpoint(work_dir))
    if args.amp:
        use_mixed_precision(cfg)
    build_runner(cfg, args.local_rank, read_cache(args, cfg)).train()
