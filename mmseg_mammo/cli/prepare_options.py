"""Options of ``mammoseg prepare``: what they are, and which of them belong together."""

import argparse
from pathlib import Path

from mmseg_mammo.cli.browse import add_no_browse_argument
from mmseg_mammo.cli.shards import add_process_arguments
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import SPLITS
from mmseg_mammo.preparation.hospital.entry import COLUMNS
from mmseg_mammo.preparation.hospital.spelling import DRAWN, EMPTY_MASK_MEANINGS

# Input -> options that tell of it and of nothing else.
_ABOUT = {
    'table': ('sheet', 'root', 'column', 'value', 'overwrite_column', 'image_labels', 'rounds'),
    'images': ('image_suffix',),
    'masks': ('mask_suffix',),
    'coco': ('lesion_categories',),
}


def add_prepare_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the preparation of a hospital, in groups."""
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
    how.add_argument(
        '--nvimagecodec',
        action='store_true',
        help='decode JPEG 2000 on the GPU, where nvidia-nvimgcodec is installed',
    )
    how.add_argument('--no-voi', action='store_true', help='ignore VOI windows and LUTs of DICOM')
    how.add_argument(
        '--skip-bad', action='store_true', help='leave bad rows out, counted, instead of stopping'
    )
    add_process_arguments(how)
    add_no_browse_argument(how)


def _add_inputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--table', type=Path, help=f'CSV or .xlsx with columns {", ".join(COLUMNS)}')
    group.add_argument('--sheet', default='', help='of a workbook (default: its only one)')
    group.add_argument('--root', type=Path, help='folder of its paths (default: that of the table)')
    group.add_argument(
        '--rounds',
        type=Path,
        nargs='+',
        default=[],
        metavar='FOLDER',
        help='beside --table: folders of annotate-next, whose corrected images are added',
    )
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
        '--image-labels',
        action='store_true',
        help='rows that say annotated=lesion and name no mask have a lesion that nobody outlined '
        '(mask_kind=image-label); without it they are bad rows',
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


def check_inputs(args: argparse.Namespace) -> None:
    """End with the usage, and exit status 2, where options do not go together."""
    masks = (args.masks is not None) + (args.coco is not None and args.table is None)
    given = (args.table is not None, args.images is not None, masks)
    alone, allowed = (False, True, False), ((True, False, False), (False, True, True))
    if not (given == alone if args.not_annotated else given in allowed):
        args.parser.error(
            'give either --table, or --images and --masks, or --images and --not-annotated, or '
            '--images and --coco'
        )
    for needed, options in _ABOUT.items():
        for option in options if getattr(args, needed) is None else ():
            if getattr(args, option):
                args.parser.error(f'--{option.replace("_", "-")} is of no use without --{needed}')
    if args.not_annotated and args.empty_mask_means:
        args.parser.error('--not-annotated says what --empty-mask-means would')


def read_pairs(option: str, items: list[str]) -> dict[str, str]:
    """What the words NAME=VALUE of an option say.

    Raises:
        MammoError: One is no such word, or two give a name different values.
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition('=')
        if not equals:
            raise MammoError(f'{option} {item}', 'NAME=VALUE')
        if found.setdefault(name, value) != value:
            raise MammoError(f'{option} {item}, and {name}={found[name]}', 'one value of a name')
    return found


def read_numbers(text: str) -> tuple[int, ...]:
    """The whole numbers of ``--lesion-values``.

    Raises:
        MammoError: There is something else.
    """
    try:
        return tuple(int(part) for part in text.split(',') if part)
    except ValueError:
        raise MammoError(f'--lesion-values {text}', 'whole numbers joined by commas') from None
