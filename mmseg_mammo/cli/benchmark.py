"""Measure what training, loading and prediction cost; each as a table, a JSON file and a picture.

Example:
  mammoseg benchmark train setr_pup_vpt_cbis --against mmseg timm
  mammoseg benchmark data setr_pup_vpt_cbis --phantoms 24
  mammoseg benchmark predict setr_pup_vpt_cbis --phantoms 8
  mammoseg benchmark scale setr_pup_vpt_cbis --phantoms 8
  mammoseg benchmark pixels data/cbis_ddsm/images/*.png

docs/benchmark.md says how to read the tables.
"""

import argparse

from mmseg_mammo.cli import (
    benchmark_data,
    benchmark_pixels,
    benchmark_predict,
    benchmark_scale,
    benchmark_train,
)
from mmseg_mammo.cli.common import host_command

_KINDS = {
    'train': (benchmark_train, 'a training step'),
    'data': (benchmark_data, 'preparation, and the loader of a training'),
    'predict': (benchmark_predict, 'prediction on images, from file to mask'),
    'scale': (benchmark_scale, 'time and memory against image side, batch, prompts, …'),
    'pixels': (benchmark_pixels, 'reading of images, as PNG and as the pixel cache keeps them'),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be measured, with the arguments of each."""
    kinds = parser.add_subparsers(required=True, metavar='WHAT')
    for name, (module, text) in _KINDS.items():
        typed = f'{parser.prog} {name} '
        kind = kinds.add_parser(
            name,
            help=text,
            description=(module.__doc__ or '').replace(f'mammoseg benchmark {name} ', typed),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        kind.set_defaults(parser=kind, run=module.main)
        module.add_arguments(kind)


@host_command
def main(args: argparse.Namespace) -> None:
    """Measure what was asked for."""
    args.run(args)
