"""Table of candidates: the peaks that a finder has on each image of a split."""

from pathlib import Path
from typing import NamedTuple

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.table import read_table

_NUMBERS = ('x', 'y', 'extent', 'score')
COLUMNS = ('key', *_NUMBERS, 'hit')


class Mined(NamedTuple):
    """A peak of a finder's map, in pixels of the prepared image; ``extent`` of the region around it."""

    x: float
    y: float
    extent: float
    score: float
    hit: bool


def read_candidates(path: Path) -> dict[str, list[Mined]]:
    """The peaks that a finder has on each image, by its key, best first.

    Raises:
        DataIndexError: The table cannot be read, or lacks a column.
        DataFileError: A cell is no number.
    """
    found: dict[str, list[Mined]] = {}
    for row in read_table(path, COLUMNS, 'Mine them again: the training of two stages does'):
        try:
            x, y, extent, score = (float(row[name]) for name in _NUMBERS)
        except ValueError as error:
            raise DataFileError(
                f'{path}: {row["key"]}: {error}', f'numbers in {", ".join(_NUMBERS)}'
            ) from error
        hit = row['hit'].casefold() in ('1', '1.0', 'true')
        found.setdefault(row['key'], []).append(Mined(x, y, extent, score, hit))
    for mined in found.values():
        mined.sort(key=lambda one: -one.score)
    return found
