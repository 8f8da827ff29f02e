"""Learning curves of a report: the tables found below the given folders, and which of their runs count."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_mammo.io.tables.learning_curve import (
    CURVE,
    START,
    CurveTables,
    count_order,
    read_curve,
)


def find_curves(roots: Sequence[Path]) -> tuple[CurveTables, ...]:
    """The tables in and below ``roots``, each once.

    Raises:
        DataFileError: One is damaged, or the table of its patients is missing.
    """
    folders: dict[Path, Path] = {}
    for root in roots:
        folders |= {path.parent.resolve(): path.parent for path in sorted(root.rglob(CURVE))}
    return tuple(map(read_curve, folders.values()))


def hidden_runs(
    folders: Sequence[Path], curves: Sequence[CurveTables]
) -> tuple[set[Path], list[tuple[Path, str]]]:
    """The runs of single trainings of learning curves, which would fill a page by themselves.

    The start is kept, and of each config one training on the most images: those are models that
    somebody may use.

    Args:
        folders: Of runs.
        curves: Of :func:`find_curves`.

    Returns:
        The folders that do not count; for each study with some, its folder and the reason.
    """
    hidden: set[Path] = set()
    said = []
    for curve in curves:
        home = curve.folder.resolve()
        kept = [home / name for name in _kept(curve)]
        below = {
            folder
            for folder in folders
            if folder.resolve().is_relative_to(home)
            and not any(folder.resolve().is_relative_to(cell) for cell in kept)
        }
        if below:
            hidden |= below
            reason = (
                f'{len(below)} runs of single trainings: their scores are in the learning curve'
            )
            said.append((curve.folder, reason))
    return hidden, said


def _kept(curve: CurveTables) -> list[str]:
    """Folders of the cells whose tests stand in the report by themselves."""
    found: dict[str, str] = {}
    lines = sorted(curve.cells, key=lambda each: (-count_order(each['count']), each['seed']))
    for cell in lines:
        if not cell['fold'] or cell['config'] == START:
            found.setdefault(cell['config'], cell['folder'])
    return [*found.values()]
