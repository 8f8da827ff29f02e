"""Make the transfer report from run folders: one page, and its tables and figures as files.

Example:
  mammoseg report work_dirs --out report
  mammoseg report work_dirs/unet_cbis work_dirs/unet_zgt --out report --name work_dirs/unet_cbis=U-Net

RUN is the folder of a test, a work folder, or a folder above. Give the work folders of the
trainings too. docs/report.md says what each table means.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from mmseg_mammo.cli.common import named_errors
from mmseg_mammo.errors import MammoError

TITLE = 'Transfer report'  # that of mmseg_mammo.reporting.report, whose import takes a second


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a report."""
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
    parser.add_argument('--title', default=TITLE, help='of the page (default: %(default)s)')


def main(args: argparse.Namespace) -> None:
    """Find the runs, build the report, and say where it is."""
    from mmseg_mammo.reporting.page.page import PAGE, render_page
    from mmseg_mammo.reporting.report import build, check_folder, files, write
    from mmseg_mammo.reporting.runs import find_runs
    from mmseg_mammo.reporting.sections.operating_points import operating_points

    start = time.perf_counter()
    with named_errors(args.parser.prog):
        check_folder(args.out)
        runs = find_runs(args.runs, names_by_folder(args.name))
        sections, cases, notes = build(runs)
        page = render_page(args.title, sections, cases, notes)
        write(args.out, files(sections, page, operating_points(runs)))
    for warning in runs.warnings:
        print(f'warning: {warning}')
    seconds = time.perf_counter() - start
    print(f'{len(runs.tests)} tests, {len(cases)} images to look at, {seconds:.0f} s')
    print(args.out / PAGE)


def names_by_folder(items: Sequence[str]) -> dict[Path, str]:
    """The names that ``--name`` gives to folders of runs.

    Args:
        items: ``RUN=NAME``; both may have equals signs. The last one divides them before which there
            is a folder, or the last one of all.

    Raises:
        MammoError: One has no RUN or no NAME.
    """
    return dict(map(_divide, items))


def _divide(item: str) -> tuple[Path, str]:
    signs = [place for place, sign in enumerate(item) if sign == '=']
    pairs = [(Path(item[:place]), item[place + 1 :]) for place in reversed(signs)]
    pairs = [(run, name) for run, name in pairs if run != Path() and name]
    if not pairs:
        raise MammoError(f'--name {item}', 'RUN=NAME')
    return next((pair for pair in pairs if pair[0].exists()), pairs[0])
