"""Learning curves of a report: the tables found below the given folders, and which of their runs count."""

from collections.abc import Sequence
from pathlib import Path

from mmseg_mammo.io.tables.learning_curve import (
    CURVE,
    START,
    STUDY,
    CurveTables,
    count_order,
    read_curve,
)

_FINISHED = 'their scores are in the learning curve'
_UNFINISHED = 'the learning curve is not finished; the same command goes on with it'


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
    folders: Sequence[Path], curves: Sequence[CurveTables], roots: Sequence[Path]
) -> tuple[set[Path], list[tuple[Path, str]]]:
    """The runs of single trainings of learning curves, which would fill a page by themselves.

    The start is kept, and of each config one training on the most images: those are models that
    somebody may use. Of a study that is not finished the start alone is kept.

    Args:
        folders: Of runs.
        curves: Of :func:`find_curves`.
        roots: Likewise.

    Returns:
        The folders that do not count; for each study with some, its folder and the reason.
    """
    hidden: set[Path] = set()
    said = []
    found = [path.parent for root in roots for path in sorted(root.rglob(STUDY))]
    studies: dict[Path, tuple[Path, list[str], str]] = {
        folder.resolve(): (folder, [START], _UNFINISHED) for folder in found
    }
    studies |= {curve.folder.resolve(): (curve.folder, _kept(curve), _FINISHED) for curve in curves}
    for home, (folder, names, reason) in studies.items():
        cells = [home / name for name in names]
        below = {
            run
            for run in folders
            if run.resolve().is_relative_to(home)
            and not any(run.resolve().is_relative_to(cell) for cell in cells)
        }
        if below:
            hidden |= below
            said.append((folder, f'{len(below)} runs of single trainings: {reason}'))
    return hidden, said


def _kept(curve: CurveTables) -> list[str]:
    """Folders of the cells whose tests stand in the report by themselves."""
    found: dict[str, str] = {}
    lines = sorted(curve.cells, key=lambda each: (-count_order(each['count']), each['seed']))
    for cell in lines:
        if not cell['fold'] or cell['config'] == START:
            found.setdefault(cell['config'], cell['folder'])
    return [*found.values()]
