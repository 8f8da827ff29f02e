"""Make a whole checkpoint of weights alone, without the state of the optimiser.

Example:
  mammoseg export setr_pup_vpt_cbis CHECKPOINT OUT.pth

One that was saved with save_trained_only gets its frozen weights from the pre-trained file of the
config. LoRA is merged into the layers that it adapts: the file is tested with a config without it,
such as setr_pup_finetune_zgt.py. With averaged weights (EMA), these are what is exported.
"""

import argparse
from pathlib import Path

from mmseg_mammo.cli.common import add_config_arguments, host_command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of an export."""
    add_config_arguments(parser)
    parser.add_argument('checkpoint', type=Path, help='checkpoint file that the config trained')
    parser.add_argument('out', type=Path, help='file to write; it must not exist')


@host_command
def main(args: argparse.Namespace) -> None:
    """Write the file, and say how large it is."""
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.inference.export import check_export, export_checkpoint

    check_export(args.checkpoint, args.out)
    tensors = export_checkpoint(load_config(args), args.checkpoint, args.out)
    print(f'{args.out}: {tensors} tensors, {args.out.stat().st_size:,} bytes')
