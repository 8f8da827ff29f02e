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

_GATHERED = 'their scores are in the learning curve'
_MISSING = 'not in a learning curve yet; the same command goes on with it, and gathers them'


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
    somebody may use. Of a study that has gathered nothing yet the start alone is kept.

    Args:
        folders: Of runs.
        curves: Of :func:`find_curves`.
        roots: Likewise.

    Returns:
        The folders that do not count; for each study with some, its folder and the reason.
    """
    told = {curve.folder.resolve(): curve for curve in curves}
    found = [path.parent for root in roots for path in sorted(root.rglob(STUDY))]
    studies = {folder.resolve(): folder for folder in [*found, *(c.folder for c in curves)]}
    hidden: set[Path] = set()
    said = []
    for home, folder in studies.items():
        curve = told.get(home)
        kept = [home / name for name in (_kept(curve) if curve else [START])]
        known = [home / cell['folder'] for cell in curve.cells] if curve else []
        below = [run for run in folders if _is_in(run, [home]) and not _is_in(run, kept)]
        hidden |= set(below)
        gathered = sum(_is_in(run, known) for run in below)
        for count, reason in ((gathered, _GATHERED), (len(below) - gathered, _MISSING)):
            if count:
                said.append((folder, f'{count} runs of single trainings: {reason}'))
    return hidden, said


def _is_in(run: Path, folders: Sequence[Path]) -> bool:
    whole = run.resolve()
    return any(whole.is_relative_to(folder) for folder in folders)


def _kept(curve: CurveTables) -> list[str]:
    """Folders of the cells whose tests stand in the report by themselves."""
    found: dict[str, str] = {}
    lines = sorted(curve.cells, key=lambda each: (-count_order(each['count']), each['seed']))
    for cell in lines:
        if not cell['fold'] or cell['config'] == START:
            found.setdefault(cell['config'], cell['folder'])
    return [*found.values()]
