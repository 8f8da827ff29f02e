"""Choice of images: the rows of an index that pass the filters of a data set, and what they leave out."""

from collections.abc import Callable, Mapping, Sequence

from mmseg_mammo.io.index import Row


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
