"""Audit a split: patients, breasts, views and images that stand on two sides. Exit status 1 if any.

FILE is a split of anybody: an index.csv, a CSV file with a column for the split, lists (train.txt
val.txt test.txt), splits_final.json of nnU-Net, a data list of MONAI. docs/audit_split.md says more.

Example:
  mammoseg audit-split data/zgt/index.csv
  mammoseg audit-split train.txt val.txt test.txt --out leaks.csv
  mammoseg audit-split splits_final.json --pattern '(?P<patient>P[0-9]+)_(?P<side>[LR])'
  mammoseg audit-split theirs.csv --against data/zgt/index.csv
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmseg_mammo.errors import MammoError, fault_of_disk
from mmseg_mammo.io.table import write_table
from mmseg_mammo.preparation.split_audit.entries import Entry
from mmseg_mammo.preparation.split_audit.leaks import KINDS, Leak, count_known, find_leaks, sides_of
from mmseg_mammo.preparation.split_audit.read import HEADINGS, Options, SplitFile, read_split

_SHOWN = 3
_COLUMNS = ('kind', 'sides', 'found')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the audit."""
    parser.add_argument(
        'files',
        nargs='+',
        type=Path,
        metavar='FILE',
        help='split files that make one split together',
    )
    parser.add_argument(
        '--against',
        nargs='+',
        type=Path,
        default=[],
        metavar='INDEX',
        help='also compare with the splits of other files (default: none)',
    )
    parser.add_argument(
        '--columns',
        nargs='+',
        default=[],
        metavar='WHAT=COLUMN',
        help=f'columns or JSON keys of {", ".join(HEADINGS)} (default: usual headings)',
    )
    parser.add_argument(
        '--pattern',
        metavar='REGEX',
        help='groups patient, side and view of it are searched in the names (default: public sets)',
    )
    parser.add_argument(
        '--root', type=Path, metavar='DIR', help='folder of the images (default: that of each file)'
    )
    parser.add_argument(
        '--no-contents',
        action='store_true',
        help='do not compare image files of one size byte for byte (default: compare)',
    )
    parser.add_argument(
        '--out', type=Path, help='CSV file of every leak (default: first ones shown)'
    )


def main(args: argparse.Namespace) -> None:
    """Print the table of leaks."""
    try:
        options = Options(_columns_of(args.columns), _pattern_of(args.pattern), args.root)
        files = [read_split(path, options) for path in args.files]
        # Their columns are not ours; but what cannot be told needs the same help.
        others = [read_split(path, options._replace(columns={})) for path in args.against]
        leaks = find_leaks(files, others, contents=not args.no_contents)
    except MammoError as error:
        args.parser.exit(2, f'{args.parser.prog}: {error}\n')
    print('\n'.join([*_what_was_read(files), *_what_was_read(others, name=True), '']))
    splits = {entry.split for file in (*files, *others) for entry in file.entries}
    if len(splits) == 1 and not leaks:
        print('One split only: nothing to compare it with. Name the other with --against.')
    else:
        print('\n'.join(leak_table(leaks)))
    if args.out:
        rows = [(leak.kind, ' – '.join(leak.sides), text) for leak in leaks for text in leak.found]
        try:
            write_table(args.out, _COLUMNS, [dict(zip(_COLUMNS, row, strict=True)) for row in rows])
        except OSError as error:
            args.parser.exit(2, f'{args.parser.prog}: {fault_of_disk(error) or error}\n')
        print(f'\nAll of them: {args.out}')
    if leaks:
        args.parser.exit(1)


def leak_table(leaks: Sequence[Leak]) -> list[str]:
    """The leaks in lines: kind, sides, count and first examples; then what the kinds mean."""
    if not leaks:
        return ['Nothing that is known stands on two sides.']
    rows = [('leak', 'sides', 'count', 'of', 'first')]
    for leak in leaks:
        first = ', '.join(leak.found[:_SHOWN]) + (' …' if len(leak.found) > _SHOWN else '')
        of = f'{leak.total} in {leak.of}'
        rows.append((leak.kind, ' – '.join(leak.sides), str(len(leak.found)), of, first))
    kinds = dict.fromkeys(leak.kind for leak in leaks)
    return [*_aligned(rows), '', *(f'{kind}: {KINDS[kind]}.' for kind in kinds)]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        '  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _what_was_read(files: Iterable[SplitFile], name: bool = False) -> list[str]:
    """A line for each side: how many images, patients, … of it are known."""
    lines = []
    for file in files if name else [_together(files)] if files else []:
        for sides in sides_of(file.entries).values():
            for side in sides:
                label = f'{side.label} of {file.path.name}' if name else side.label
                lines.append(f'{label}: {_counts(side.entries)}')
        if file.unassigned:
            lines.append(f'{file.unassigned} rows of no split were left out')
    return lines


def _together(files: Iterable[SplitFile]) -> SplitFile:
    first, *more = files
    entries = [entry for file in (first, *more) for entry in file.entries]
    return SplitFile(first.path, entries, first.unassigned + sum(f.unassigned for f in more))


def _counts(entries: Sequence[Entry]) -> str:
    parts = [f'{len(entries)} rows']
    for kind, plural in (('patient', 'patients'), ('breast', 'breasts'), ('view', 'views')):
        parts.append(f'{count_known(entries, kind)} {plural}')
    unknown = sum(not entry.patient for entry in entries)
    if unknown:
        parts.append(f'patient of {unknown} rows not known: --columns patient=… or --pattern')
    return ', '.join(parts)


def _columns_of(words: Iterable[str]) -> dict[str, str]:
    found = {}
    for word in words:
        key, equals, column = word.partition('=')
        if key not in HEADINGS or not equals or not column:
            raise MammoError(f'--columns {word}', f'{", ".join(HEADINGS)}, each =COLUMN')
        found[key] = column
    return found


def _pattern_of(text: str | None) -> re.Pattern | None:
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise MammoError(f'--pattern {text}: {error}', 'a regular expression of Python') from error
    groups = set(pattern.groupindex)
    if 'patient' not in groups or groups - {'patient', 'side', 'view'}:
        raise MammoError(
            f'--pattern {text}', 'a group (?P<patient>…), and perhaps (?P<side>…), (?P<view>…)'
        )
    return pattern
