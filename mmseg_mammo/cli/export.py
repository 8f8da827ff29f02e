"""Make a whole checkpoint of weights alone, without the state of the optimiser; or an ONNX file.

Example:
  mammoseg export CHECKPOINT OUT.pth
  mammoseg export CHECKPOINT OUT.pth --operating-point ours.json
  mammoseg export CHECKPOINT OUT.onnx

One that was saved with save_trained_only gets its frozen weights from the pre-trained file of the
training. LoRA is merged into the layers that it adapts, and the config inside names it no more. With
averaged weights (EMA), these are what is exported. An operating point, or a threshold, becomes that of
the new file. ONNX is for programs without PyTorch (docs/export.md); of a SAM it makes OUT_encoder.onnx
and OUT_decoder.onnx.
"""

import argparse
from pathlib import Path

from mmseg_mammo.cli.arguments import add_checkpoint_arguments, add_test_output
from mmseg_mammo.cli.common import host_command
from mmseg_mammo.io.onnx.metadata import is_onnx


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of an export."""
    add_checkpoint_arguments(parser)
    add_test_output(parser)
    parser.add_argument('out', type=Path, help='file to write, .pth or .onnx; it must not exist')


@host_command
def main(args: argparse.Namespace) -> None:
    """Write the file, and say how large it is."""
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.engine.config.test_output import use_operating_point
    from mmseg_mammo.engine.partial_checkpoint import use_base
    from mmseg_mammo.inference.export import check_export, export_checkpoint

    check_export(args.checkpoint, args.out)
    cfg = load_config(args)
    use_base(cfg, args.checkpoint, args.base)
    use_operating_point(
        cfg, args.operating_point, args.threshold, args.breast_only, args.checkpoint
    )
    if is_onnx(args.out):
        from mmseg_mammo.inference.onnx.export import export_onnx

        for file in export_onnx(cfg, args.checkpoint, args.out):
            print(f'{file}: {file.stat().st_size:,} bytes')
        return
    tensors = export_checkpoint(cfg, args.checkpoint, args.out)
    print(f'{args.out}: {tensors} tensors, {args.out.stat().st_size:,} bytes')
