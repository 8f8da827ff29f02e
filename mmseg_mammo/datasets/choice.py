"""Choice of images: the rows of an index that pass the filters of a data set, and what they leave out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.index import Row, read_index
from mmseg_mammo.io.mask import is_image_label

Counts = tuple[int, int, int]


@dataclass(frozen=True)
class Filters:
    """What keeps an image; see :class:`.MammographyDataset`. ``optional``: none may pass."""

    split: str
    finding: str | None
    views: tuple[str, ...] | None
    annotated_only: bool
    image_labels: bool
    optional: bool = False

    def of_another(self) -> 'Filters':
        """Those of a folder whose images are added: it may lack a split that is not trained on."""
        return replace(self, annotated_only=True, optional=self.split != 'train')

    def asked(self, row: Row) -> bool:
        """Whether an image is of the split and the views."""
        return row.split == self.split and (self.views is None or row.view in self.views)

    def steps(self) -> dict[str, Callable[[Row], bool]]:
        """What keeps an image that is asked for, by the setting that says so."""
        return {
            'annotated=no': lambda row: not self.annotated_only or row.annotated != 'no',
            f'finding={self.finding!r}': self._has_finding,
            'image_labels=False': lambda row: self.image_labels or not is_image_label(vars(row)),
        }

    def _has_finding(self, row: Row) -> bool:
        return (
            self.finding is None
            or row.annotated == 'normal'
            or self.finding in row.finding.split('+')
        )


class Chosen(NamedTuple):
    """The rows of an index that pass.

    Attributes:
        rows: In their order.
        images: Names of all images of the index.
        left_out: How many each filter leaves out of those that are left to it.
        lines: What to say about that.
    """

    rows: list[Row]
    images: tuple[str, ...]
    left_out: Counts
    lines: list[str]


def read_chosen(index: Path, filters: Filters) -> Chosen:
    """Read an index, and choose.

    Args:
        index: The file.
        filters: What keeps a row.

    Raises:
        DataIndexError: The index breaks its contract; or no row passes, and some must.
    """
    rows = read_index(index)
    seen = [row for row in rows if filters.asked(row)]
    kept, counts, said = choose_rows(seen, filters.steps())
    lines = [f'{line} images of split {filters.split}' for line in said]
    if not kept and not filters.optional:
        raise _nothing_passes(index, rows, filters)
    if not kept:
        lines.append(f'no image of it is added to split {filters.split} (normal_sources)')
    not_annotated, other_finding, labels = counts
    images = tuple(row.image for row in rows)
    return Chosen(kept, images, (not_annotated, other_finding, labels), lines)


def add_counts(one: Counts, other: Counts) -> Counts:
    """What two indices leave out together."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def cache_names(items: Sequence[Mapping[str, Any]], root: Path) -> list[str]:
    """Names of images in a pixel cache: of those below ``root`` as in its index, of others the path.

    Args:
        items: Of a data set.
        root: The folder of its own index.
    """
    own = (item['img_path'] == str(root / item['image']) for item in items)
    return [
        item['image'] if ours else str(Path(item['img_path']).absolute())
        for item, ours in zip(items, own, strict=True)
    ]


def choose_rows(
    rows: Sequence[Row], filters: Mapping[str, Callable[[Row], bool]]
) -> tuple[list[Row], tuple[int, ...], list[str]]:
    """Apply filters one after another.

    Args:
        rows: Of an index.
        filters: What keeps a row, by the setting that says so.

    Returns:
        The rows that pass all of them; how many rows each leaves out of those that are left to it;
        and a line on each that leaves out some.
    """
    kept, counts, lines = list(rows), [], []
    for name, keeps in filters.items():
        before, kept = kept, [row for row in kept if keeps(row)]
        counts.append(len(before) - len(kept))
        if counts[-1]:
            lines.append(f'{name} leaves out {counts[-1]} of {len(before)}')
    return kept, tuple(counts), lines


def refuse_twins(names: Sequence[tuple[str, str]]) -> None:
    """Refuse images of several folders that results could not tell apart.

    Args:
        names: (source, image) of each image.

    Raises:
        DataIndexError: Two are the same.
    """
    (name, count) = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataIndexError(
            f'normal_sources: {count} images of source {name[0]!r} are called {name[1]}',
            'folders of different sources',
            'Leave out a folder that is named twice, or prepare one with another --source',
        )


def _nothing_passes(index: Path, rows: Sequence[Row], filters: Filters) -> DataIndexError:
    splits = Counter(row.split for row in rows)
    if filters.split not in splits:
        return DataIndexError(
            f'{index}: no row of split {filters.split}',
            f'splits and their rows: {", ".join(f"{name} {splits[name]}" for name in sorted(splits))}',
            f'Prepare its images again with {filters.split} in the column split of their table; '
            'where a table has no such column, all are test',
        )
    settings = ('split', 'finding', 'views', 'annotated_only')
    said = {
        'splits in it': {row.split for row in rows},
        'findings': {row.finding or '(none)' for row in rows},
        'annotated': {row.annotated for row in rows},
    }
    unseen = any(row.annotated == 'no' and filters.asked(row) for row in rows)
    return DataIndexError(
        f'{index}: none of its {len(rows)} rows passes '
        + ', '.join(f'{name}={getattr(filters, name)!r}' for name in settings),
        '; '.join(f'{name}: {", ".join(sorted(values))}' for name, values in said.items()),
        'Change the filters of the dataset in the config'
        + ', or take mammoseg predict, which needs no annotation' * unseen,
    )
