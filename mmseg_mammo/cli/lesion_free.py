"""Cut normals out of images with a lesion, and cuts of the same shape that hold the lesion.

Example:
  mammoseg lesion-free data/cbis data/cbis_crops --kind crop
  mammoseg lesion-free data/cbis data/cbis_sides --kind side --splits train val

A crop is a square window, at least half breast. A side is the image with all rows blackened but
those above or below the lesion. The same command again makes only what is missing.
docs/absence.md says what to do with them.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.browse import add_no_browse_argument
from mmseg_mammo.cli.common import check_counts, named_errors, resumable
from mmseg_mammo.cli.prepared import finish_prepared
from mmseg_mammo.io.index import SPLITS
from mmseg_mammo.preparation.pool import usable_cores

if TYPE_CHECKING:
    from mmseg_mammo.preparation.lesion_free.prepare import CutOutcome

_KINDS = ('crop', 'side')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the cuts."""
    add = parser.add_argument
    add('data', type=Path, metavar='DATA', help='prepared folder of the images')
    add('out', type=Path, metavar='OUT', help='folder of the cuts, to be made')
    add('--kind', choices=_KINDS, required=True, help='what is cut out')
    add(
        '--per-image',
        type=int,
        default=1,
        metavar='N',
        help='crops of an image without lesion, and as many with it (default: 1)',
    )
    add(
        '--share',
        type=float,
        nargs=2,
        metavar=('LEAST', 'MOST'),
        help='side of a crop, of the shorter side of the image (default: 0.35 0.6); or rows of a '
        'side, of the height (default: 0.3 0.9)',
    )
    add('--seed', type=int, default=0, help='of the choice (default: 0)')
    add(
        '--splits',
        nargs='+',
        choices=SPLITS,
        default=SPLITS,
        help=f'splits of the images (default: {" ".join(SPLITS)})',
    )
    add(
        '--jobs',
        type=int,
        default=usable_cores(),
        metavar='N',
        help='processes (default: one per core)',
    )
    add_no_browse_argument(parser)


def main(args: argparse.Namespace) -> None:
    """Cut, and say what was made."""
    from mmseg_mammo.preparation.lesion_free.image import SHARES, CutOptions
    from mmseg_mammo.preparation.lesion_free.prepare import CutSettings, cut_folder
    from mmseg_mammo.preparation.output import count_table

    with named_errors(args.parser.prog, OSError), resumable():
        check_counts(args, ('jobs',))
        low, high = args.share or SHARES[args.kind]
        settings = CutSettings(
            CutOptions(args.kind, (low, high), args.seed),
            args.per_image,
            tuple(args.splits),
            args.jobs,
        )
        outcome = cut_folder(args.data, args.out, settings)
        print(count_table(outcome.rows))
        print(*say_left_out(outcome), sep='\n')
        finish_prepared(args)


def say_left_out(outcome: 'CutOutcome') -> list[str]:
    """Lines about images of which no cut was made, and about what a cut is."""
    lines = [f'not read: {text}' for text in outcome.unread]
    if outcome.not_annotated:
        lines.append(
            f'{outcome.not_annotated} images were not cut: nobody annotated them, or drew their lesion'
        )
    if outcome.no_cut:
        lines.append(f'{outcome.no_cut} images leave no room for a cut; audit.csv names them')
    lines.append('Lesion-free means: free of what was annotated.')
    return lines
