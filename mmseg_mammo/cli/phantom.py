r"""Write synthetic mammograms as a raw download: CBIS-DDSM or a hospital's export.

Example:
    mammoseg phantom data/phantom_cbis --hospital cbis --patients 24
    mammoseg phantom data/phantom_zgt --hospital zgt --patients 12
    mammoseg phantom data/named_after_real --hospital cbis --height 96 \
        --csv-dir CBIS-DDSM --subset mass-test,calc-test
"""

import argparse
from pathlib import Path

from mmseg_mammo.cli.common import named_errors
from mmseg_mammo.errors import MammoError

# Those of mmseg_mammo.phantoms, whose import takes half a second.
HOSPITALS = ('cbis', 'zgt', 'screening')
LAYOUTS = ('L1', 'L2', 'L3', 'L4', 'L5', 'L6')
SUBSETS = ('mass-train', 'mass-test', 'calc-train', 'calc-test')
DEFECTS = (
    *('split', 'swapped', 'leaked', 'order', 'scaled', 'shifted'),
    *('empty', 'missing', 'missing-image'),
)
_ONLY_CBIS = ('layout', 'csv_dir', 'mask_file_map', 'subset', 'limit', 'defects')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a tree of phantoms."""
    parser.add_argument('out', type=Path, help='new or empty folder for the tree')
    parser.add_argument(
        '--hospital',
        required=True,
        choices=HOSPITALS,
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
    parser.add_argument(
        '--image-labels',
        type=float,
        metavar='SHARE',
        help='with zgt, screening: share of the images with a lesion that nobody outlined (default: 0)',
    )
    _add_cbis(parser.add_argument_group('with --hospital cbis'))


def _add_cbis(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--layout',
        choices=LAYOUTS,
        help='L1 old NBIA; L2 NBIA Data Retriever, descriptive (default); L3 the same with -NA-; '
        'L4 NBIA classic; L5 cloud bucket; L6 Kaggle JPEG',
    )
    group.add_argument(
        '--csv-dir',
        type=Path,
        help='folder of the four real CSVs: copied, and one phantom made for each of their rows '
        'instead of --patients',
    )
    group.add_argument(
        '--mask-file-map',
        type=Path,
        help='with --csv-dir: CSV that says which file is the mask (abnormality, real_mask_dir, '
        'real_mask_file, real_image); without it the order is drawn',
    )
    group.add_argument(
        '--subset',
        type=_words,
        help='subsets to write files for, joined by commas; of '
        f'{", ".join(SUBSETS)} (default: all)',
    )
    group.add_argument('--limit', type=int, help='at most so many images of each subset')
    group.add_argument(
        '--defects',
        type=_words,
        help='defects to plant, joined by commas, such as split,missing; of '
        f'{", ".join(DEFECTS)} (default: none; see docs/phantoms.md)',
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(',') if word.strip())


def main(args: argparse.Namespace) -> None:
    """Write the tree that the command line asks for."""
    from mmseg_mammo.phantoms.trees import write_cbis_tree, write_hospital_tree

    given = {name: getattr(args, name) for name in _ONLY_CBIS if getattr(args, name) is not None}
    common = {'height': args.height, 'seed': args.seed, 'patients': args.patients}
    with named_errors(args.parser.prog.removesuffix('.py')):
        if args.hospital == 'cbis' and args.image_labels is not None:
            raise MammoError('--image-labels with --hospital cbis', '--hospital zgt or screening')
        if args.hospital == 'cbis':
            write_cbis_tree(args.out, **given, **common)
        elif given:
            names = ', '.join('--' + name.replace('_', '-') for name in given)
            raise MammoError(f'{names} with --hospital {args.hospital}', '--hospital cbis')
        else:
            share = args.image_labels or 0.0
            write_hospital_tree(args.out, hospital=args.hospital, image_labels=share, **common)
    print(f'{args.out}: synthetic mammograms, see {args.out}/PHANTOM.txt')
