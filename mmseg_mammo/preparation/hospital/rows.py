"""Rows of a hospital: groups entries per image, and makes audit and warnings of the results."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.dicom.segmentation import read_segmentation_info
from mmseg_mammo.io.index import Row
from mmseg_mammo.io.mask import IMAGE_LABEL
from mmseg_mammo.preparation.hospital.disk import resolve_links
from mmseg_mammo.preparation.hospital.entry import ROUND, Entry, Gaps, Problem
from mmseg_mammo.preparation.hospital.names import alike_patients, nfc
from mmseg_mammo.preparation.hospital.table import Reading, read_hospital_table

AUDIT_COLUMNS = ('row', 'image', 'mask', 'status', 'annotated', 'output', 'lesion_share', 'note')
SHOWN = 5
# What the rows of one image must agree on.
_AGREED = ('patient_id', 'laterality', 'view', 'split', 'density', 'annotated', 'spacing_mm')
Made = Sequence[tuple[list[Entry], dict[str, Any]]]


def group_by_image(
    entries: Sequence[Entry], problems: Sequence[Problem] = ()
) -> tuple[list[list[Entry]], list[Problem]]:
    """Gather the rows of each image, whatever path or link names it.

    Returns:
        The groups in the order of their first rows; and one problem for every row of an image
        whose rows contradict each other, or of which another row is bad or has no mask: one from the rest
        would leave a lesion unmarked.
    """
    by_image: dict[str, list[Entry]] = {}
    for entry in entries:
        by_image.setdefault(resolve_links(entry.image), []).append(entry)
    bad = {p.file or p.image: f'left out with {p.place}' for p in problems}
    for image, group in by_image.items():
        for name in _AGREED:
            values = sorted({getattr(entry, name) for entry in group})
            if len(values) > 1:
                shown = ', '.join(value or 'empty' for value in values)
                bad[image] = f'{group[0].relative} has rows with different {name}: {shown}'
        if {entry.mask_kind == IMAGE_LABEL for entry in group} == {True, False}:
            bad[image] = (
                f'{group[0].relative} has rows with and without a mask ({IMAGE_LABEL}): it would leave '
                'a lesion unmarked. Leave out the rows with masks, or outline all of them'
            )
    groups = [group for image, group in by_image.items() if image not in bad]
    conflicts = [
        Problem(entry.place, entry.relative, bad[image], image)
        for image, group in by_image.items()
        for entry in group
        if image in bad
    ]
    return groups, list(dict.fromkeys(conflicts))


def add_rounds(
    found: tuple[list[Entry], list[Problem]], folders: Sequence[Path], gaps: Gaps, notes: list[str]
) -> tuple[list[Entry], list[Problem]]:
    """Add what annotate-next chose and readers corrected to the rows of a table.

    Patients of rounds are in their tables, or in DICOM headers. A row of the table that says that nobody has looked
    at an image gives way.

    Args:
        found: Entries and problems of the table.
        folders: Of annotate-next.
        gaps: How to fill empty cells.
        notes: Gets what a user should know.

    Raises:
        DataIndexError: A folder has no table, or an image is annotated in both.
    """
    entries: list[Entry] = []
    problems = list(found[1])
    gaps = replace(gaps, patient_pattern='')
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        if not (folder / ROUND).is_file():
            raise DataIndexError(f'--rounds {folder}: no {ROUND} in it', 'folders of annotate-next')
        read = read_hospital_table(folder / ROUND, folder, {}, {}, gaps, Reading(notes=notes))
        place = f'{folder.name}, {{0.place}}'.format
        # Readers outline; --mask-kind is about the table.
        entries += [replace(e, place=place(e), mask_kind='contour') for e in read[0]]
        problems += [replace(each, place=place(each)) for each in read[1]]
    chosen = {resolve_links(entry.image): entry for entry in entries}
    own = [e for e in found[0] if e.annotated != 'no' or resolve_links(e.image) not in chosen]
    for entry in own:
        if other := chosen.get(resolve_links(entry.image)):
            raise DataIndexError(
                f'{entry.place}: {entry.relative} is annotated there, and in {other.place}',
                'one annotation of an image: both masks would count as one lesion',
                'Take the row out of the table, or let it say annotated=no',
            )
    return [*own, *entries], problems


def note_splits(entries: Sequence[Entry], split: str) -> list[str]:
    """A line where some rows name no split, which is then the one given, and others do."""
    silent = dict.fromkeys(entry.place for entry in entries if entry.default_split)
    if not silent or all(entry.default_split for entry in entries):
        return []
    return [
        f'{len(silent)} rows name no split, others do; they count as {split}: {_some([*silent])}'
    ]


def refuse_doubtful(group: Sequence[Entry], record: dict[str, Any]) -> dict[str, Any]:
    """Return the record; refuse an image whose mask is empty while its row suggests a lesion."""
    doubt = next((entry.doubt for entry in group if entry.doubt), '')
    if doubt and record.get('annotated') == 'normal' and not group[0].annotated:
        remedy = 'Correct the mask, or say in the column annotated that the image is normal'
        return {'error': f'its mask is empty, but {doubt}. {remedy}.'}
    return record


def refuse_copies(made: Made, out: Path) -> Made:
    """Turn normal images into errors if another image with the same pixels has a lesion.

    ``x (1).png``, a copy of ``x.png``, has no mask of its own, and would pass for normal.
    """
    errors = {}
    for images in _of_one_picture([one for one in made if 'error' not in one[1]], out):
        ill = [group[0].relative for group, record in images if record['annotated'] == 'lesion']
        for group, record in images if ill else ():
            if record['annotated'] == 'normal':
                text = f'{group[0].image}: the picture of {ill[0]}, which has a lesion; a copy?'
                errors[group[0].image] = {'error': text}
    return [(group, errors.get(group[0].image, record)) for group, record in made]


def decoding_problems(made: Made) -> list[Problem]:
    """One problem for every row of an image that could not be made."""
    found = [
        Problem(entry.place, entry.relative, record['error'])
        for group, record in made
        for entry in group
        if 'error' in record
    ]
    return list(dict.fromkeys(found))  # a row with several masks is several entries


def audit_lines(made: Made, problems: Sequence[Problem]) -> list[dict[str, str]]:
    """One line per input row, in their order."""
    lines = [
        {
            'row': entry.place,
            'image': entry.relative,
            'mask': str(entry.region or ''),
            'status': 'prepared',
            'annotated': record['annotated'],
            'output': record['image'],
            'lesion_share': f'{record["lesion_share"]:.6f}',
            'note': '; '.join(filter(None, (record['note'], _choice(entry)))),
        }
        for group, record in made
        if 'error' not in record
        for entry in group
    ]
    empty = dict.fromkeys(AUDIT_COLUMNS, '')
    for problem in problems:
        told = {'row': problem.place, 'image': problem.image, 'note': problem.message}
        lines.append({**empty, **told, 'status': 'skipped'})
    return sorted(lines, key=lambda line: _natural(line['row']))


def _choice(entry: Entry) -> str:
    return 'its mask was taken, and not its box' if entry.mask and entry.drawn else ''


def _natural(text: str) -> list[int | str]:
    """Sorts ``row 2`` before ``row 10``."""
    return [int(p) if n % 2 else p for n, p in enumerate(re.split('([0-9]+)', text))]


def warnings_about(made: Made, rows: Iterable[Row], out: Path) -> list[str]:
    """Warnings, one line each, of what is allowed and most often a mistake.

    Args:
        made: The images, with their records.
        rows: Those of the index.
        out: The prepared folder.
    """
    splits = {row.patient_id: row.split for row in rows}
    used = [(group, record) for group, record in made if 'error' not in record]
    black = [
        group[0].relative
        for group, record in used
        if record['annotated'] == 'normal' and not group[0].annotated
    ]
    numbers = [patient for patient in splits if re.fullmatch(r'[0-9]+[.,]0+', patient)]
    alike = [_alike(group, splits) for group in alike_patients(splits)]
    found = {
        'patients that differ by capitals, blanks, leading zeros or the like; if they are one, '
        'they need one name, else they come into several splits': alike,
        'patients that end like a number with decimals; a spreadsheet may have taken the zeros '
        'before it too, so that two patients look like one': numbers,
        'one mask for several images': _shared_masks(used),
        'one picture for several images': _equal_pictures(used, out),
        'normal only because their masks are empty': black,
    }
    return [f'WARNING: {what}: {_some(items)}' for what, items in found.items() if items]


def _alike(group: Sequence[str], splits: Mapping[str, str]) -> str:
    shown = ascii if len({nfc(patient) for patient in group}) < len(group) else repr
    return ' and '.join(f'{shown(patient)} ({splits[patient]})' for patient in group)


def _shared_masks(used: Made) -> list[str]:
    """Masks with a lesion only: an archive may keep equal empty files as links to one."""
    images: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for group, record in used:
        for entry in group if record['annotated'] == 'lesion' else ():
            if entry.mask is not None:
                images[resolve_links(entry.mask)][entry.relative] = None
    return [
        f'{mask} for {_some([*of], " and ")}'
        for mask, of in images.items()
        if len(of) > 1 and read_segmentation_info(Path(mask)) is None  # a SEG may be of several
    ]


def _equal_pictures(used: Made, out: Path) -> list[str]:
    return [
        _some([f'{group[0].relative} ({record["annotated"]})' for group, record in images], ' and ')
        for images in _of_one_picture(used, out)
    ]


def _of_one_picture(used: Made, out: Path) -> Sequence[Made]:
    """Images whose pixels are the same, where there are several."""
    by_size: defaultdict[int, list[tuple[list[Entry], dict[str, Any]]]] = defaultdict(list)
    for one in used:
        by_size[(out / one[1]['image']).stat().st_size].append(one)
    equal: defaultdict[bytes, list[tuple[list[Entry], dict[str, Any]]]] = defaultdict(list)
    for images in by_size.values():
        for one in images if len(images) > 1 else ():
            equal[hashlib.sha256((out / one[1]['image']).read_bytes()).digest()].append(one)
    return [images for images in equal.values() if len(images) > 1]


def _some(items: Sequence[str], joint: str = '; ') -> str:
    more = f' and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
    return joint.join(items[:SHOWN]) + more
