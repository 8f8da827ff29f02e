r"""Prepare a hospital's mammograms and masks: images/, masks/, index.csv and audit.csv.

Example:
  mammoseg prepare data/zgt --table export/annotations.csv
  mammoseg prepare data/ours --images export/dicom --masks export/masks \
      --mask-suffix _mask --patient-pattern '^(P[0-9]+)_' --empty-mask-means not-annotated

The same command again makes only what is missing. docs/new_hospital.md explains every step.
"""

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.browse import add_no_browse_argument, browse_prepared
from mmseg_mammo.cli.common import named_errors, resumable
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import MASK_KINDS, SPLITS
from mmseg_mammo.io.spacing import extent_mm
from mmseg_mammo.preparation.hospital.entry import COLUMNS, EMPTY_MASK_MEANINGS, Gaps
from mmseg_mammo.preparation.output import AUDIT_NAME, count_table

if TYPE_CHECKING:
    from mmseg_mammo.preparation.hospital.prepare import Prepared

SHOWN_NOTES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the preparation of a hospital."""
    parser.add_argument('out', type=Path, help='output folder: new, empty, or one to resume')
    _add_inputs(parser.add_argument_group('what to read (--table, or --images with --masks)'))
    _add_meanings(parser.add_argument_group('what it means'))
    _add_splits(parser.add_argument_group('splits'))
    how = parser.add_argument_group('how')
    how.add_argument(
        '--long-side',
        type=int,
        default=2048,
        help='pixels; 0 keeps full resolution (default: 2048)',
    )
    how.add_argument('--no-voi', action='store_true', help='ignore VOI windows and LUTs of DICOM')
    how.add_argument(
        '--skip-bad', action='store_true', help='leave bad rows out, counted, instead of stopping'
    )
    how.add_argument(
        '--jobs', type=int, default=os.cpu_count() or 1, help='processes (default: one per core)'
    )
    add_no_browse_argument(how)


def _add_inputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--table', type=Path, help=f'CSV file with columns {", ".join(COLUMNS)}')
    group.add_argument('--root', type=Path, help='folder of its paths (default: that of the CSV)')
    group.add_argument('--images', type=Path, help='folder of images, searched with subfolders')
    group.add_argument('--masks', type=Path, help='folder of masks, matched by file stem')
    group.add_argument(
        '--image-suffix', default='', help='what image stems end with, such as _FULL'
    )
    group.add_argument('--mask-suffix', default='', help='what mask stems end with, such as _mask')


def _add_meanings(group: argparse._ArgumentGroup) -> None:
    for option, metavar, text in (
        ('--column', 'OURS=THEIRS', 'names of your columns'),
        ('--set', 'COLUMN=VALUE', 'one value for all rows'),
    ):
        group.add_argument(
            option, nargs='+', action='extend', default=[], metavar=metavar, help=text
        )
    group.add_argument(
        '--patient-pattern',
        default='',
        metavar='REGEX',
        help='patient in the path of an image below its folder: a regular expression, one group',
    )
    group.add_argument(
        '--empty-mask-means',
        choices=EMPTY_MASK_MEANINGS,
        default='',
        help='whether an image without mask was read without finding, or never annotated; '
        'needed if there is one that the column annotated says nothing about',
    )
    group.add_argument(
        '--lesion-values', default='', metavar='1,3', help='values that mean lesion in label maps'
    )
    group.add_argument(
        '--mask-kind',
        choices=[kind for kind in MASK_KINDS if kind != 'phantom'],
        help='contour: outlines drawn by readers (default); weak: boxes, circles, ellipses or '
        'anything else',
    )
    group.add_argument('--source', help='name of the data set (default: name of OUT)')


def _add_splits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--split',
        choices=SPLITS,
        help='for rows without one (default: test; train if a fraction is given)',
    )
    for name in ('val', 'test'):
        group.add_argument(
            f'--{name}-fraction',
            type=float,
            default=0.0,
            metavar='F',
            help=f'share of the train patients that become {name} (default: 0)',
        )
    group.add_argument('--seed', type=int, default=0, help='of that choice (default: 0)')


def main(args: argparse.Namespace) -> None:
    """Read, prepare, and say what was done."""
    folders = (args.images is not None, args.masks is not None)
    if folders != ((False, False) if args.table is not None else (True, True)):
        args.parser.error('give either --table, or --images and --masks')
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')  # names that no encoding can show
    with named_errors(args.parser.prog, OSError), resumable():
        outcome = prepare_hospital(args)
        say_what_was_done(outcome, args)
        if not args.no_browse:
            browse_prepared(args.out)


def prepare_hospital(args: argparse.Namespace) -> 'Prepared':
    """Turn the command line into one call of ``prepare``.

    Raises:
        MammoError: An argument, a table or an image cannot be used.
    """
    from mmseg_mammo.preparation.hospital.folders import pair_folders
    from mmseg_mammo.preparation.hospital.image import PixelOptions
    from mmseg_mammo.preparation.hospital.prepare import Settings, mark_phantom, prepare
    from mmseg_mammo.preparation.hospital.table import read_hospital_table

    fractions = {'test': args.test_fraction, 'val': args.val_fraction}
    gaps = Gaps(
        empty_mask=args.empty_mask_means,
        split=args.split or ('train' if any(fractions.values()) else 'test'),
        patient_pattern=args.patient_pattern,
    )
    columns, fixed = _pairs('--column', args.column), _pairs('--set', args.set)
    if args.table is not None:
        origin, root = args.table, args.root or args.table.parent
        found = read_hospital_table(origin, root, columns, fixed, gaps)
    else:
        origin = root = args.images
        found = pair_folders(origin, args.masks, args.mask_suffix, fixed, gaps, args.image_suffix)
    name = args.source or args.out.resolve().name
    source, mask_kind = mark_phantom(name, args.mask_kind or 'contour', root, origin.parent)
    settings = Settings(
        origin=origin,
        source=source,
        mask_kind=mask_kind,
        pixels=PixelOptions(args.long_side, not args.no_voi, _numbers(args.lesion_values)),
        fractions=fractions,
        seed=args.seed,
        skip_bad=args.skip_bad,
        workers=args.jobs,
    )
    return prepare(*found, args.out, settings)


def say_what_was_done(outcome: 'Prepared', args: argparse.Namespace) -> None:
    """Print the counts, and everything that a user must not overlook.

    Args:
        outcome: What was prepared.
        args: The command line.
    """
    noted = [line for line in outcome.audit if line['note']]
    for line in noted[:SHOWN_NOTES]:
        print(f'{line["status"]}: {line["row"]}: {line["note"]}')
    if len(noted) > SHOWN_NOTES:
        print(f'… and {len(noted) - SHOWN_NOTES} more notes')
    print(count_table(outcome.rows))
    kind = outcome.rows[0].mask_kind
    if kind != 'contour':
        print(f'The masks are {kind}: say so beside every result.')
    elif args.mask_kind is None and any(row.mask for row in outcome.rows):
        print(
            'masks are taken as contours drawn by readers; --mask-kind weak if they are boxes, '
            'circles or ellipses'
        )
    if outcome.header_patients:
        print(
            f'patient_id of {outcome.header_patients} images comes from DICOM headers: make sure '
            'that these are pseudonyms, one per patient'
        )
    unknown = sum(extent_mm(row) is None for row in outcome.rows)
    if unknown:
        print(
            f'The size of a pixel in mm is unknown for {unknown} of {len(outcome.rows)} images; '
            '--set spacing_mm=<mm> gives it where files do not tell it'
        )
    for warning in outcome.warnings:
        print(warning)
    print(f'{len(outcome.problems)} rows were left out; {args.out / AUDIT_NAME} tells about all.')


def _pairs(option: str, items: list[str]) -> dict[str, str]:
    for item in items:
        if '=' not in item:
            raise MammoError(f'{option} {item}', 'NAME=VALUE')
    return dict(item.split('=', 1) for item in items)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(',') if part)
    except ValueError:
        raise MammoError(f'--lesion-values {text}', 'whole numbers joined by commas') from None
