"""Make the transfer report from run folders: one page, and its tables and figures as files.

python tools/report.py work_dirs --out report
python tools/report.py work_dirs/unet_cbis work_dirs/unet_zgt --out report --name work_dirs/unet_cbis=U-Net

RUN is the folder of a test, a work folder, or a folder above. Give the work folders of the
trainings too. docs/report.md says what each table means.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ['MMSEG_MAMMO_REGISTER'] = (
    '0'  # a report reads files only: no torch before it needs MONAI
)

from mmseg_mammo.errors import MammoError
from mmseg_mammo.reporting.page.page import render_page
from mmseg_mammo.reporting.report import PAGE, TITLE, build, check_folder, files, write
from mmseg_mammo.reporting.runs import find_runs


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('runs', type=Path, nargs='+', metavar='RUN', help='folder of runs')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder of the report: new, or an earlier report'
    )
    parser.add_argument(
        '--name',
        nargs='+',
        action='extend',
        default=[],
        metavar='RUN=NAME',
        help='name of the model whose tests lie in or below RUN (default: its config)',
    )
    parser.add_argument('--title', default=TITLE, help='of the page')
    return parser.parse_args()


def main() -> None:
    """Find the runs, build the report, and say where it is."""
    args = parse_args()
    start = time.perf_counter()
    try:
        check_folder(args.out)
        runs = find_runs(args.runs, named(args.name))
        sections, cases, notes = build(runs)
        page = render_page(args.title, sections, cases, notes)
        write(args.out, files(sections, page))
    except MammoError as error:
        sys.exit(f'report.py: {error}')
    for warning in runs.warnings:
        print(f'warning: {warning}')
    seconds = time.perf_counter() - start
    print(f'{len(runs.tests)} tests, {len(cases)} images to look at, {seconds:.0f} s')
    print(args.out / PAGE)


def named(items: list[str]) -> dict[Path, str]:
    """Folders and the names given to them."""
    for item in items:
        if not all(item.rpartition('=')[::2]):
            raise MammoError(f'--name {item}', 'RUN=NAME')
    return {Path(item.rpartition('=')[0]): item.rpartition('=')[2] for item in items}


if __name__ == '__main__':
    main()
