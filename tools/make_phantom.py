r"""Write synthetic mammograms as a raw download: CBIS-DDSM or a hospital's export.

Examples:
    python tools/make_phantom.py data/phantom_cbis --hospital cbis --patients 24
    python tools/make_phantom.py data/phantom_zgt --hospital zgt --patients 12
    python tools/make_phantom.py data/named_after_real --hospital cbis --height 96 \
        --csv-dir CBIS-DDSM --subset mass-test,calc-test
"""

import argparse
import os
import sys
from pathlib import Path

os.environ['MMSEG_MAMMO_REGISTER'] = '0'  # no torch, here and in the workers

from mmseg_mammo.errors import MammoError
from mmseg_mammo.phantoms.cbis_cases import SUBSETS
from mmseg_mammo.phantoms.cbis_layouts import LAYOUTS
from mmseg_mammo.phantoms.hospital import EXPORTS
from mmseg_mammo.phantoms.trees import DEFECTS, write_cbis_tree, write_hospital_tree


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('out', type=Path, help='new or empty folder for the tree')
    parser.add_argument(
        '--hospital',
        required=True,
        choices=['cbis', *EXPORTS],
        help='cbis: digitised films as CBIS-DDSM; zgt, screening: digital mammograms and a table',
    )
    parser.add_argument(
        '--patients', type=int, default=12, help='number of invented patients (default: 12)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of everything random (default: 0)')
    parser.add_argument(
        '--height',
        type=int,
        default=1024,
        help='typical height of a full image in pixels (default: 1024; real films: 3000-6900)',
    )
    cbis = parser.add_argument_group('with --hospital cbis')
    cbis.add_argument(
        '--layout',
        choices=LAYOUTS,
        help='L1 old NBIA; L2 NBIA Data Retriever, descriptive (default); L3 the same with -NA-; '
        'L4 NBIA classic; L5 cloud bucket; L6 Kaggle JPEG',
    )
    cbis.add_argument(
        '--csv-dir',
        type=Path,
        help='folder of the four real CSVs: copied, and one phantom made for each of their rows '
        'instead of --patients',
    )
    cbis.add_argument(
        '--mask-file-map',
        type=Path,
        help='with --csv-dir: CSV that says which file is the mask (abnormality, real_mask_dir, '
        'real_mask_file, real_image); without it the order is drawn',
    )
    cbis.add_argument(
        '--subset',
        type=_words,
        help='subsets to write files for, joined by commas; of '
        f'{", ".join(SUBSETS)} (default: all)',
    )
    cbis.add_argument('--limit', type=int, help='at most so many images of each subset')
    cbis.add_argument(
        '--defects',
        type=_words,
        help='defects to plant, joined by commas, such as split,missing; of '
        f'{", ".join(DEFECTS)} (default: none; see docs/phantoms.md)',
    )
    return parser.parse_args()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(',') if word.strip())


def main() -> None:
    """Write the tree that the command line asks for."""
    args = parse_args()
    only_cbis = ('layout', 'csv_dir', 'mask_file_map', 'subset', 'limit', 'defects')
    given = {name: getattr(args, name) for name in only_cbis if getattr(args, name) is not None}
    common = {'height': args.height, 'seed': args.seed, 'patients': args.patients}
    try:
        if args.hospital == 'cbis':
            write_cbis_tree(args.out, **given, **common)
        elif given:
            names = ', '.join('--' + name.replace('_', '-') for name in given)
            raise MammoError(f'{names} with --hospital {args.hospital}', '--hospital cbis')
        else:
            write_hospital_tree(args.out, hospital=args.hospital, **common)
    except MammoError as error:
        sys.exit(f'make_phantom: {error}')
    print(f'{args.out}: synthetic mammograms, see {args.out}/PHANTOM.txt')


if __name__ == '__main__':
    main()
