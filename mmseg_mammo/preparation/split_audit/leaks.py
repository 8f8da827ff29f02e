"""Leaks: what stands on two sides of a split, by patient, breast, view and image."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from mmseg_mammo.io.files import sha256
from mmseg_mammo.preparation.hospital.names import alike_patients
from mmseg_mammo.preparation.split_audit.entries import ORDER, Entry
from mmseg_mammo.preparation.split_audit.read import SplitFile

# Word for a kind of leak -> what it means.
KINDS = {
    'patient': 'a patient has images on both sides',
    'patient spelt alike': 'two identifiers differ by capitals, blanks or leading zeros only',
    'breast': 'a breast (patient and side) has images on both sides, such as its two views',
    'view': 'a view of a breast (patient, side and view) is on both sides',
    'image name': 'an image of this name is on both sides',
    'image UID': 'a DICOM image is on both sides',
    'image file': 'a file is on both sides under different names or patients, byte for byte',
    'official test image': 'a test image of the official split of CBIS-DDSM serves training',
    'official test patient': 'a patient with such test images serves training, by any image',
}


class Side(NamedTuple):
    """The images of one split of one file; ``label`` says which."""

    split: str
    label: str
    entries: list[Entry]


@dataclass(frozen=True)
class Leak:
    """What of one kind stands on two sides.

    Attributes:
        kind: Of :data:`KINDS`.
        sides: Labels of both; of an official test image the one side that it should not be on.
        found: Each patient, breast, view or image, sorted.
        total: How many of the kind the second side has, leaked or not.
        of: Label of what ``total`` counts.
    """

    kind: str
    sides: tuple[str, ...]
    found: tuple[str, ...]
    total: int
    of: str


def find_leaks(
    files: Sequence[SplitFile], against: Sequence[SplitFile] = (), contents: bool = True
) -> list[Leak]:
    """Compare every split with every other.

    Args:
        files: Together one split (``train.txt``, ``val.txt``, …). Alternative splits of one file,
            as folds of nnU-Net, are not compared with each other. Patients and names of different
            collections (column ``dataset``) are different ones.
        against: Each split of these is compared with those of ``files`` that have another name.
            Collections are not told apart: other files call them otherwise.
        contents: Whether files that are at hand and of one size are compared byte for byte.

    Returns:
        Those of which something was found; sides in the order train, val, test, others.
    """
    inner = sides_of([entry for file in files for entry in file.entries])
    leaks: list[Leak] = []
    for group in inner.values():
        for one, other in combinations(group, 2):
            leaks += _between(one, other, contents)
    mine = _merged(inner.values())
    for file in against:
        for their in _merged(sides_of(file.entries).values()):
            named = their._replace(label=f'{their.label} of {file.path.name}')
            for own in mine:
                if own.split != named.split:
                    one, other = sorted((_bare(own), _bare(named)), key=_order)
                    leaks += _between(one, other, contents)
    everything = [*mine, *_merged(sides_of([e for f in against for e in f.entries]).values())]
    return [*leaks, *_official(mine, everything)]


def sides_of(entries: Iterable[Entry]) -> dict[str, list[Side]]:
    """Group -> its sides, in the order train, val, test, others."""
    found: defaultdict[str, defaultdict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        found[entry.group][entry.split].append(entry)
    return {
        group: sorted(
            (
                Side(split, f'{group}: {split}' if group else split, of)
                for split, of in sides.items()
            ),
            key=_order,
        )
        for group, sides in found.items()
    }


def count_known(entries: Iterable[Entry], kind: str) -> int:
    """How many different patients, breasts, views or images are known of entries."""
    return len({key for entry in entries if (key := _KEYS[kind](entry))})


def _order(side: Side) -> tuple[int, str]:
    return ORDER.index(side.split) if side.split in ORDER else len(ORDER), side.split


def _merged(groups: Iterable[list[Side]]) -> list[Side]:
    """The sides of all groups by the name of their split."""
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for sides in groups:
        for side in sides:
            found[side.split] += side.entries
    return sorted((Side(split, split, entries) for split, entries in found.items()), key=_order)


def _bare(side: Side) -> Side:
    return side._replace(entries=[replace(entry, dataset='') for entry in side.entries])


def _joined(entry: Entry, *parts: str) -> str:
    """Parts in one text if all are known; the collection before them."""
    return ' '.join(filter(None, (entry.dataset, *parts))) if all(parts) else ''


_KEYS: dict[str, Callable[[Entry], str]] = {
    'patient': lambda entry: _joined(entry, entry.patient),
    'breast': lambda entry: _joined(entry, entry.patient, entry.side),
    'view': lambda entry: _joined(entry, entry.patient, entry.side, entry.view),
    'image name': lambda entry: _joined(entry, entry.name),
    'image UID': lambda entry: entry.uid,
}


def _between(one: Side, other: Side, contents: bool) -> Iterator[Leak]:
    for kind, key in _KEYS.items():
        first, second = ({key(entry) for entry in side.entries} - {''} for side in (one, other))
        found = first & second
        if kind == 'image name':
            found |= _same_file_names(one, other)
        yield from _leak(kind, one, other, found, len(second))
        if kind == 'patient':
            alike = _spelt_alike(first, second)
            yield from _leak('patient spelt alike', one, other, alike, len(second))
    if contents:
        total = len({entry.path for entry in other.entries if entry.path})
        yield from _leak('image file', one, other, _copies(one, other), total)


def _leak(kind: str, one: Side, other: Side, found: set[str], total: int) -> Iterator[Leak]:
    if found:
        yield Leak(kind, (one.label, other.label), tuple(sorted(found)), total, other.label)


def _spelt_alike(first: set[str], second: set[str]) -> set[str]:
    """Patients that are on one side each, under identifiers that readers take for the same."""
    groups = [set(group) for group in alike_patients(first | second)]
    return {
        ' = '.join(sorted(group))
        for group in groups
        if group & first and group & second and not group & first & second
    }


def _same_file_names(one: Side, other: Side) -> set[str]:
    """Names whose folders differ (``train/a.png``, ``test/a.png``), each once on either side.

    Not those of patients or of files at hand that are known to differ.
    """
    sides: list[dict[str, list[Entry]]] = []
    for side in (one, other):
        stems: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
        for entry in side.entries:
            if entry.name:
                stems[_joined(entry, entry.stem)][entry.name] = entry
        sides.append({stem: list(names.values()) for stem, names in stems.items()})
    found = set()
    for stem in sides[0].keys() & sides[1].keys():
        (first, *more), (second, *others) = sides[0][stem], sides[1][stem]
        strangers = first.patient and second.patient and first.patient != second.patient
        once = not more and not others and first.name != second.name
        if once and not strangers and _may_be_same(first.path, second.path):
            found.add(f'{first.name} = {second.name}')
    return found


def _copies(one: Side, other: Side) -> set[str]:
    """Files at hand that are the same byte for byte under names that do not tell it."""
    sizes: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in one.entries:
        if entry.path:
            sizes[entry.path.stat().st_size].append(entry)
    key = _KEYS['image name']
    found = {
        f'{first.name} = {second.name}'
        for second in other.entries
        if second.path
        for first in sizes.get(second.path.stat().st_size, ())
        if first.path and key(first) != key(second) and _same_bytes(first.path, second.path)
    }
    return found - _same_file_names(one, other)


def _may_be_same(one: Path | None, other: Path | None) -> bool:
    return one is None or other is None or _same_bytes(one, other)


def _same_bytes(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and _hash_of(one) == _hash_of(other)


@cache
def _hash_of(path: Path) -> str | None:
    return sha256(path)


def _official(mine: Sequence[Side], everything: Iterable[Side]) -> Iterator[Leak]:
    """Official test images of CBIS-DDSM, and their patients, on sides other than test."""
    tests = [e for side in everything for e in side.entries if e.official == 'test']
    patients = {entry.patient for entry in tests}
    for side in mine:
        if side.split not in ORDER[:2]:
            continue
        images = {entry.name for entry in side.entries if entry.official == 'test'}
        people = {e.patient for e in side.entries if e.official and e.patient in patients}
        for kind, found, total in (
            ('official test image', images, len({entry.name for entry in tests})),
            ('official test patient', people, len(patients)),
        ):
            if found:
                yield Leak(kind, (side.label,), tuple(sorted(found)), total, 'the files read')
