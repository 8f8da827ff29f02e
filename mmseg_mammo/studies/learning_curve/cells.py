"""Cells of a learning curve: one for each config, count and seed, in the order of their cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.tables.learning_curve import ALL, START, count_order


@dataclass(frozen=True)
class Cell:
    """A training and its test; of count 0 the test of the start alone.

    Attributes:
        config: Its label.
        count: Of images or patients, or ``all``.
        seed: Of the subset and of the training; None for the start.
        fold: Test fold, from 1; None with a test split.
    """

    config: str
    count: str
    seed: int | None = None
    fold: int | None = None

    @property
    def is_start(self) -> bool:
        """Whether nothing is trained."""
        return self.config == START

    @property
    def folder(self) -> str:
        """Its folder below that of the study."""
        if self.is_start:
            return START
        parts = (self.config, f'count_{self.count}', f'seed_{self.seed}')
        return '/'.join([*parts, *([f'fold_{self.fold}'] if self.fold else [])])

    @property
    def part(self) -> str:
        """Name of the index of its images, which all configs share."""
        fold = f'_fold_{self.fold}' if self.fold else ''
        return f'count_{self.count}_seed_{self.seed}{fold}.csv'

    def key(self) -> dict[str, str]:
        """The columns that tell it apart in tables."""
        seed, fold = ('' if each is None else str(each) for each in (self.seed, self.fold))
        return {'config': self.config, 'count': self.count, 'seed': seed, 'fold': fold}


def plan_cells(
    configs: Sequence[str], counts: Sequence[str], seeds: int, test_folds: int = 0
) -> list[Cell]:
    """All cells: the start first, then small counts before large ones, a seed at a time.

    Args:
        configs: Labels.
        counts: See :func:`read_counts`.
        seeds: Number of seeds, from 0 on.
        test_folds: Number of folds that take turns as test images; 0 with a test split.
    """
    folds: list[int | None] = [*range(1, test_folds + 1)] or [None]
    found = [Cell(START, '0')] if '0' in counts else []
    for count in sorted(set(counts) - {'0'}, key=count_order):
        for seed in range(seeds):
            found += [Cell(config, count, seed, fold) for config in configs for fold in folds]
    return found


def read_counts(texts: Sequence[str], pool: int, unit: str) -> list[str]:
    """Counts as typed; those that reach the whole pool become ``all``.

    Args:
        texts: Whole numbers, or ``all``.
        pool: Images or patients that there are; the fewest of all test folds.
        unit: Of the counts.

    Raises:
        MammoError: One is neither.

    >>> read_counts(['20', '5', '80', 'all'], 60, 'images')
    ['5', '20', 'all']
    """
    found = set()
    for text in texts:
        if text != ALL and not (text.isascii() and text.isdecimal()):
            raise MammoError(f'--counts {text}', f'numbers of {unit}, and {ALL}')
        found.add(ALL if text == ALL or int(text) >= pool else str(int(text)))
    return sorted(found, key=count_order)


def labels_of(names: Sequence[str]) -> dict[str, str]:
    """Short names of configs for tables and folders: the stems of their files.

    Args:
        names: As typed, such as ``few/unet_full``.

    Returns:
        Name by label.

    Raises:
        MammoError: Two have one stem, or one is called as the start is.
    """
    found: dict[str, str] = {}
    for name in names:
        label = Path(name).stem
        if label in found or label == START:
            other = found.get(label, 'the checkpoint that is tuned')
            raise MammoError(
                f'{name}: would be called {label}, as {other}', 'a name for each', 'Rename one'
            )
        found[label] = name
    return found
