"""Licences on a card: of the files that a training began from, and of the data behind it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from mmseg_mammo.reporting.document import Table

_UNKNOWN = 'unknown'
# By the source that a preparation writes into the index; a hospital's own name says nothing.
_DATA = {
    'cbis-ddsm': 'CC BY 3.0 (The Cancer Imaging Archive; Lee et al. 2017)',
    'phantom-cbis': 'none needed: synthetic',
}
_COLUMNS = ('file', 'used as', 'licence', 'published by', 'trained on', 'SHA-256')


def weight_table(bases: Sequence[Mapping[str, Any]]) -> Table:
    """The files that a training began from, each followed by those that it began from itself.

    Args:
        bases: ``base`` of the record of a checkpoint.
    """
    return Table('weights', 'Weights that it began from', _COLUMNS, tuple(_rows(bases)))


def _rows(bases: Sequence[Mapping[str, Any]], above: str = '') -> Iterator[tuple[str, ...]]:
    for base in bases:
        name = PurePath(base['file']).name  # the path tells of the machine
        facts = [str(base.get(key) or _UNKNOWN) for key in ('licence', 'publisher', 'trained_on')]
        role = f'{base["role"]} of {above}' if above else str(base['role'])
        yield (name, role, *facts, str(base['sha256'] or _UNKNOWN)[:12])
        yield from _rows(base.get('base') or (), name)


def unknown_licences(bases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the files whose licence nobody knows."""
    return [row[0] for row in _rows(bases) if row[2] == _UNKNOWN]


def data_licences(sources: Sequence[str]) -> str:
    """What is known of the licences of data sets, by the ``source`` of their images."""
    told = (f'{name or "no name"}: {_DATA.get(name, _UNKNOWN)}' for name in sorted(set(sources)))
    return 'Licence of the images: ' + '; '.join(told) + '.'
