"""Prepare a raw CBIS-DDSM download: images, merged masks, index.csv and audit.csv.

Example:
  mammoseg prepare-cbis RAW data/cbis_ddsm

It finds the layout of the download by itself, also of a mix of several; where names do not tell
what a file is, its DICOM header does. It tells masks from cropped images by their content, and
accounts for every row of the four case description CSVs. Run it again to go on after an
interruption, or after more files have arrived. See docs/cbis_ddsm.md.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from mmseg_mammo.cli.browse import add_no_browse_argument
from mmseg_mammo.cli.common import named_errors, resumable
from mmseg_mammo.cli.prepared import finish_prepared
from mmseg_mammo.cli.shards import add_process_arguments, read_shard, say_shard
from mmseg_mammo.preparation.cbis_ddsm.prepare import (
    ABNORMALITIES,
    LEAKAGE,
    ON_MISMATCH,
    Options,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the preparation of CBIS-DDSM."""
    parser.add_argument(
        'raw', type=Path, metavar='RAW', help='folder of the raw download; only read'
    )
    parser.add_argument(
        'out', type=Path, metavar='OUT', help='folder to write, new or from an earlier run'
    )
    _add_choices(parser)
    _add_numbers(parser)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        '--abnormality',
        choices=ABNORMALITIES,
        default=Options.abnormality,
        help='which lesions to prepare (default: all)',
    )
    add(
        '--merge-views',
        action='store_true',
        help='make one image of the mass and the calcification copy of a view, with the '
        'lesions of both',
    )
    add(
        '--on-mismatch',
        choices=ON_MISMATCH,
        default=Options.on_mismatch,
        help='a mask of another size than its image: resize it by nearest neighbour (default), '
        'leave the image out, or write no index',
    )
    add(
        '--leakage',
        choices=LEAKAGE,
        default=Options.leakage,
        help='patients in train and test (31 if masses and calcifications are mixed): drop '
        'their train rows (default), or stop with the list of them',
    )


def _add_numbers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        '--val-fraction',
        type=float,
        default=Options.val_fraction,
        metavar='F',
        help='share of the train patients that become the val split (default: 0.1)',
    )
    add(
        '--seed',
        type=int,
        default=Options.seed,
        help='seed of the choice of val patients (default: 0)',
    )
    add(
        '--long-side',
        type=int,
        default=Options.long_side,
        metavar='PX',
        help='shrink to this longer side in pixels; 0 keeps full resolution (default: 2048)',
    )
    add(
        '--csv-dir',
        type=Path,
        metavar='DIR',
        help='folder of the four case description CSVs, if they are not below RAW',
    )
    add_process_arguments(parser)
    add_no_browse_argument(parser)


def main(args: argparse.Namespace) -> None:
    """Run the preparation; a mendable error ends in one message and exit status 1."""
    from mmseg_mammo.preparation.cbis_ddsm.prepare import prepare, prepare_shard

    options = Options(**{field.name: getattr(args, field.name) for field in fields(Options)})
    with named_errors(args.parser.prog), resumable():
        shard = read_shard(args)
        if shard is not None:
            say_shard(shard, prepare_shard(args.raw, args.out, options, shard), args.out)
            return
        prepare(args.raw, args.out, options)
        finish_prepared(args)
