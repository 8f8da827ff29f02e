"""Write a card: of a model beside its checkpoint, or of prepared data beside their index.

Example:
  mammoseg card work_dirs/unet_cbis/best.pth work_dirs
  mammoseg card data/ours --facts about.json

Everything comes from the checkpoint's record, the tests in or below RUN, and the index; what
nobody told is called unknown. docs/card.md lists the fields.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.common import named_errors
from mmseg_mammo.errors import DataFileError, MammoError

if TYPE_CHECKING:
    from mmseg_mammo.reporting.cards.card import Group


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a card."""
    parser.add_argument(
        'subject', type=Path, metavar='CHECKPOINT|PREPARED', help='what it is about'
    )
    parser.add_argument(
        'runs',
        type=Path,
        nargs='*',
        metavar='RUN',
        help='folder of tests of the checkpoint (default: its own, and work_dirs/NAME)',
    )
    parser.add_argument(
        '--facts',
        type=Path,
        help='JSON file with what nothing here can know, by field (default: none)',
    )
    parser.add_argument(
        '--out', type=Path, help='file to write (default: card.md beside the subject)'
    )


def main(args: argparse.Namespace) -> None:
    """Write the card, and say where it is."""
    from mmseg_mammo.reporting.cards.card import (
        CARD,
        read_facts,
        render_card,
        told_in,
        write_card,
    )

    with named_errors(args.parser.prog):
        folder = args.subject.is_dir() or args.subject.suffix == '.csv'
        if folder and args.runs:
            raise MammoError(f'{args.subject}: {args.runs[0]} beside prepared data', 'no RUN there')
        title, groups = _of_data(args.subject) if folder else _of_model(args.subject, args.runs)
        beside = args.subject if args.subject.is_dir() else args.subject.parent
        out = args.out or beside / CARD
        told = read_facts(args.facts, groups) if args.facts else told_in(out)
        write_card(out, render_card(title, groups, told))
    print(out)


def write_beside(subject: Path) -> Path:
    """Write the card of a checkpoint or prepared folder where nobody asked for it: beside it.

    What people told an earlier card is told again.

    Args:
        subject: A checkpoint with a record, or a prepared folder.

    Returns:
        The card.

    Raises:
        MammoError: There is a card that somebody wrote or changed, which stays.
    """
    from mmseg_mammo.reporting.cards.card import CARD, render_card, told_in, write_card

    title, groups = _of_data(subject) if subject.is_dir() else _of_model(subject, (), quiet=True)
    out = (subject if subject.is_dir() else subject.parent) / CARD
    write_card(out, render_card(title, groups, told_in(out)), unasked=True)
    return out


def _of_data(path: Path) -> tuple[str, list['Group']]:
    """Title and groups of the card of a prepared folder, or of an index."""
    from mmseg_mammo.io.files import read_json, sha256
    from mmseg_mammo.io.index import INDEX_NAME, read_index
    from mmseg_mammo.io.table import read_table
    from mmseg_mammo.preparation.output import AUDIT_NAME, OPTIONS_NAME
    from mmseg_mammo.reporting.cards.data import data_card

    index = path / INDEX_NAME if path.is_dir() else path
    rows = read_index(index, check_files=False)
    options, audit = index.with_name(OPTIONS_NAME), index.with_name(AUDIT_NAME)
    lines = read_table(audit, ('status',)) if audit.is_file() else []
    groups = data_card(
        rows,
        sha256(index) or '',
        read_json(options) if options.is_file() else {},
        Counter(line['status'] for line in lines),
    )
    return f'Data card: {index.resolve().parent.name}', groups


def _of_model(path: Path, roots: Sequence[Path], quiet: bool = False) -> tuple[str, list['Group']]:
    """Title and groups of the card of a checkpoint; ``quiet`` does not say which tests are left out."""
    from mmseg_mammo.io.checkpoint_record import read_record
    from mmseg_mammo.io.files import sha256
    from mmseg_mammo.reporting.cards.model import model_card
    from mmseg_mammo.reporting.cards.selection import select_tests
    from mmseg_mammo.reporting.runs import find_runs

    record = read_record(path)
    if record is None:
        raise DataFileError(
            f'{path}: no record: of another program, or of an earlier version',
            'a checkpoint that this version trained, or a prepared folder',
        )
    usual = (path.parent, Path('work_dirs', record['name']))  # where mammoseg test writes
    given = list(roots) or [folder for folder in usual if _has_test(folder)]
    # Beside the checkpoint lies its training.
    runs = select_tests(find_runs([*given, path.parent]), path, record) if given else None
    for folder, reason in runs.left_out if runs and not quiet else ():
        print(f'left out: {folder}: {reason}')
    if roots and runs and not runs.tests:
        raise MammoError(
            f'no finished test of {path} in or below {", ".join(map(str, roots))}',
            remedy='Run mammoseg test with it',
        )
    kept = runs if runs and runs.tests else None
    return f'Model card: {record["name"]}', model_card(record, sha256(path) or '', kept)


def _has_test(folder: Path) -> bool:
    """Whether a finished test lies in a work folder."""
    from mmseg_mammo.io.files import read_json
    from mmseg_mammo.io.run_folder import RUN

    found = (read_json(run) for run in folder.glob(f'*/{RUN}'))
    return any(run.get('mode') == 'test' and run.get('state') == 'finished' for run in found)
