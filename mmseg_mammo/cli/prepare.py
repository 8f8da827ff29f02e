r"""Prepare a hospital's mammograms and masks: images/, masks/, index.csv and audit.csv.

Example:
  mammoseg prepare data/zgt --table export/annotations.csv
  mammoseg prepare data/ours --images export/dicom --masks export/masks \
      --mask-suffix _mask --patient-pattern '^(P[0-9]+)_' --empty-mask-means not-annotated
  mammoseg prepare data/zgt --table lijst.xlsx --column image=bestand annotated=afwijking \
      --value annotated ja=lesion nee=normal '?'=no
  mammoseg prepare data/new --images export/dicom --not-annotated

The same command again makes only what is missing. docs/new_hospital.md explains every step.
"""

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.browse import add_no_browse_argument
from mmseg_mammo.cli.common import named_errors, resumable
from mmseg_mammo.cli.prepared import finish_prepared
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import SPLITS
from mmseg_mammo.preparation.hospital.entry import COLUMNS, EMPTY_MASK_MEANINGS, Gaps
from mmseg_mammo.preparation.hospital.spelling import DRAWN, parse_values

if TYPE_CHECKING:
    from mmseg_mammo.preparation.hospital.entry import Entry, Problem
    from mmseg_mammo.preparation.hospital.prepare import Prepared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the preparation of a hospital."""
    parser.add_argument('out', type=Path, help='output folder: new, empty, or one to resume')
    _add_inputs(
        parser.add_argument_group(
            'what to read (--table, --images with --masks, or --images --not-annotated)'
        )
    )
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
    group.add_argument('--table', type=Path, help=f'CSV or .xlsx with columns {", ".join(COLUMNS)}')
    group.add_argument('--sheet', default='', help='of a workbook (default: its only one)')
    group.add_argument('--root', type=Path, help='folder of its paths (default: that of the table)')
    group.add_argument('--images', type=Path, help='folder of images, searched with subfolders')
    group.add_argument('--masks', type=Path, help='folder of masks, matched by file stem')
    group.add_argument(
        '--coco',
        type=Path,
        metavar='JSON',
        help='COCO file of polygons, masks (RLE) and boxes, matched by file_name; beside --table, '
        'or beside --images in the place of --masks',
    )
    group.add_argument(
        '--not-annotated', action='store_true', help='of --images alone: nobody looked at them'
    )
    group.add_argument(
        '--image-suffix', default='', help='what image stems end with, such as _FULL'
    )
    group.add_argument('--mask-suffix', default='', help='what mask stems end with, such as _mask')


def _add_meanings(group: argparse._ArgumentGroup) -> None:
    for option, metavar, text in (
        ('--column', 'OURS=THEIRS', 'names of your columns'),
        ('--set', 'COLUMN=VALUE', 'one value for all rows; none clears the column'),
        ('--overwrite-column', 'COLUMN', 'where --set replaces what your table says'),
    ):
        group.add_argument(
            option, nargs='+', action='extend', default=[], metavar=metavar, help=text
        )
    group.add_argument(
        '--value',
        nargs='+',
        action='append',
        default=[],
        metavar=('COLUMN', 'THEIRS=OURS'),
        help="what the words in a column mean, such as annotated ja=lesion nee=normal '?'=no; "
        'once for each column',
    )
    _add_gaps(group)


def _add_gaps(group: argparse._ArgumentGroup) -> None:
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
        '--lesion-values',
        default='',
        metavar='1,3',
        help='values that mean lesion in label maps, or numbers of segments of DICOM SEG',
    )
    group.add_argument(
        '--lesion-categories',
        nargs='+',
        default=[],
        metavar='NAME',
        help='categories of the COCO file that are lesions; needed if it uses several',
    )
    group.add_argument(
        '--mask-kind',
        choices=DRAWN,
        help='of rows whose column mask_kind is empty. contour: outlines drawn by readers '
        '(default); weak: boxes, circles, ellipses or anything else',
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
    _check_inputs(args)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')  # names that no encoding can show
    from mmseg_mammo.preparation.hospital.summary import summarise

    with named_errors(args.parser.prog, OSError), resumable():
        outcome = prepare_hospital(args)
        print(*summarise(outcome, args.out, args.mask_kind is not None), sep='\n')
        finish_prepared(args)


def _check_inputs(args: argparse.Namespace) -> None:
    masks = (args.masks is not None) + (args.coco is not None and args.table is None)
    given = (args.table is not None, args.images is not None, masks)
    alone, allowed = (False, True, False), ((True, False, False), (False, True, True))
    if not (given == alone if args.not_annotated else given in allowed):
        args.parser.error(
            'give either --table, or --images and --masks, or --images and --not-annotated, or '
            '--images and --coco'
        )
    for option in ('sheet', 'value', 'overwrite_column'):
        if getattr(args, option) and args.table is None:
            args.parser.error(f'--{option.replace("_", "-")} is about a --table')


def prepare_hospital(args: argparse.Namespace) -> 'Prepared':
    """Turn the command line into one call of ``prepare``.

    Raises:
        MammoError: An argument, a table or an image cannot be used.
    """
    from mmseg_mammo.preparation.hospital.image import PixelOptions
    from mmseg_mammo.preparation.hospital.prepare import Settings, mark_phantom, prepare

    fractions = {'test': args.test_fraction, 'val': args.val_fraction}
    origin = args.images if args.table is None else args.table
    root = args.root or origin.parent if args.table is not None else origin
    found = _read(args, origin, root, any(fractions.values()))
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


def _read(
    args: argparse.Namespace, origin: Path, root: Path, carved: bool
) -> 'tuple[list[Entry], list[Problem]]':
    """The rows of a table or of folders."""
    from mmseg_mammo.preparation.hospital.drawings import list_drawn, read_drawings
    from mmseg_mammo.preparation.hospital.folders import pair_folders
    from mmseg_mammo.preparation.hospital.images_alone import list_images
    from mmseg_mammo.preparation.hospital.table import Reading, read_hospital_table

    gaps = Gaps(
        empty_mask=args.empty_mask_means,
        split=args.split or ('train' if carved else 'test'),
        patient_pattern=args.patient_pattern,
    )
    columns, fixed = _pairs('--column', args.column), _pairs('--set', args.set)
    drawings = read_drawings(args.coco, args.lesion_categories) if args.coco else None
    if args.table is not None:
        values = parse_values(args.value, COLUMNS)
        reading = Reading(values, args.overwrite_column, args.sheet)
        return read_hospital_table(origin, root, columns, fixed, gaps, reading, drawings)
    if drawings is not None:
        return list_drawn(origin, drawings, fixed, gaps, args.image_suffix)
    if args.not_annotated:
        return list_images(origin, fixed, gaps, args.image_suffix)
    return pair_folders(origin, args.masks, args.mask_suffix, fixed, gaps, args.image_suffix)


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
