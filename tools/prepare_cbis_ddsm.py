"""Prepare a raw CBIS-DDSM download: images, merged masks, index.csv and audit.csv.

    python tools/prepare_cbis_ddsm.py RAW OUT

finds the layout of the download by itself, also of a mix of several; where names do not tell
what a file is, its DICOM header does. It tells masks from cropped images by their content, and
accounts for every row of the four case description CSVs. Run it again to go on after an
interruption, or after more files have arrived. See docs/cbis_ddsm.md.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ['MMSEG_MAMMO_REGISTER'] = '0'  # no torch, here and in the workers

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.cbis_ddsm.prepare import (
    ABNORMALITIES,
    LEAKAGE,
    ON_MISMATCH,
    Options,
    prepare,
)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('raw', type=Path, metavar='RAW', help='folder of the raw download; only read')
    add('out', type=Path, metavar='OUT', help='folder to write, new or from an earlier run')
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
    add(
        '--jobs',
        type=int,
        default=Options.jobs,
        metavar='N',
        help='processes; each holds one image in memory (default: one per core)',
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Run the preparation; a mendable error ends in one message and exit status 1."""
    values = vars(parse_args())
    raw, out = values.pop('raw'), values.pop('out')
    try:
        prepare(raw, out, Options(**values))
    except MammoError as error:
        sys.exit(f'ERROR: {error}')
    except KeyboardInterrupt:
        print('\nStopped. The same command goes on where it stopped.', file=sys.stderr)
        sys.exit(130)


if __name__ == '__main__':
    main()
