"""Score the masks of any other system, so that it stands in the report beside our models.

Example:
  mammoseg import-predictions data/ours export/cad --name CAD
  mammoseg import-predictions data/ours nnunet/predictions --name nnU-Net --probabilities
  mammoseg import-predictions data/ours export/cad --name CAD --table export/cad.csv

One PNG, TIFF or DICOM file an image, matched by its name, a DICOM SEG by the image that it names.
An image without a file is scored as empty, and counted. docs/import_predictions.md says more.
"""

import argparse
import json
import shlex
from pathlib import Path

from mmseg_mammo.cli.common import host_command
from mmseg_mammo.errors import MammoError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of an import."""
    add = parser.add_argument
    add('index', type=Path, help='prepared folder, or its index.csv')
    add('folder', type=Path, help='folder of the masks, searched with subfolders')
    add('--name', required=True, help='of the system, as the report calls it')
    add('--table', type=Path, help='CSV file with columns image, mask and perhaps score (0 to 1)')
    add(
        '--probabilities',
        action='store_true',
        help='files are maps of probabilities, 8 or 16 bits; 255 or 65535 is 1',
    )
    add('--threshold', type=float, help='probability above which a pixel is lesion (default: 0.5)')
    add(
        '--lesion-values',
        default='',
        metavar='1,3',
        help='values of label maps, or segments of DICOM SEG, that mean lesion',
    )
    add('--split', choices=['train', 'val', 'test'], default='test', help='(default: test)')
    add('--finding', help='keep only images with this finding, such as mass, and normal ones')
    add('--work-dir', type=Path, help='folder of the run (default: work_dirs/NAME)')


@host_command
def main(args: argparse.Namespace) -> None:
    """Score, and say what was missing."""
    from mmseg_mammo.inference.imported.masks import Reading
    from mmseg_mammo.inference.imported.run_files import Request
    from mmseg_mammo.inference.imported.score import import_predictions
    from mmseg_mammo.io.run_folder import IMPORT, SUMMARY

    reading = Reading(args.probabilities, args.threshold, _lesion_values(args.lesion_values))
    request = Request(
        *(args.index, args.folder, args.name, args.table, args.split, args.finding, reading)
    )
    folder = import_predictions(request, args.work_dir or Path('work_dirs') / args.name)
    facts = json.loads((folder / SUMMARY).read_text(encoding='utf-8'))[IMPORT]
    for line in say_what_is_odd(facts):
        print(line)
    run = shlex.quote(str(folder))
    print(f'{folder} is written. Next: mammoseg report {run} OTHER_RUNS --out report')


def say_what_is_odd(facts: dict) -> list[str]:
    """Sentences on images without a file and files without an image.

    Args:
        facts: ``imported`` of ``test.json``.
    """
    found = []
    if facts['missing']:
        found.append(
            f'{facts["missing"]} of {facts["images"]} images have no file, and are scored as empty: '
            f'{_first(facts["missing_images"])}'
        )
    if facts['unmatched']:
        found.append(
            f'{facts["unmatched"]} files or rows mean no image of the index: '
            f'{_first(facts["unmatched_files"])}'
        )
    if facts['of_other_images']:
        found.append(f'{facts["of_other_images"]} files are of images that are not tested here')
    if facts['by_file_name_alone']:
        found.append(
            f'{facts["by_file_name_alone"]} files were matched by the file name alone, in other folders'
        )
    if facts['resized']:
        found.append(f'{facts["resized"]} came on the original grid, and were resized')
    if facts['over_half']:
        found.append(
            f'{facts["over_half"]} mark more than half of the image: inverted masks, or outlines of breasts?'
        )
    if facts['kind'] == 'masks':
        found.append('Masks without probabilities: AUROC and FROC know marked or not, no more')
    return found


def _first(names: list[str]) -> str:
    return ', '.join(names[:3]) + (', …' if len(names) > 3 else '')


def _lesion_values(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(value) for value in text.split(',')) if text else ()
    except ValueError:
        raise MammoError(f'--lesion-values {text}', 'whole numbers joined by commas') from None
