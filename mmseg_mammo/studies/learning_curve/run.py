"""Run of a learning curve: does the cells that are missing, and keeps what each scored."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mmseg_mammo.engine.config.checks import check_schedule
from mmseg_mammo.engine.steps.journal import Journal
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.tables.learning_curve import ALL, START
from mmseg_mammo.studies.holding import hold
from mmseg_mammo.studies.learning_curve.cells import Cell
from mmseg_mammo.studies.learning_curve.fits import Data, Fit, cell_config, members_of
from mmseg_mammo.studies.learning_curve.results import model_facts, run_test, test_results
from mmseg_mammo.studies.learning_curve.study import Study

CELL = 'cell.json'
TRAINING, TEST = 'training', 'test'  # folders of a cell
FITTED, TESTED = 'fitted', 'tested'  # steps of a cell


def is_done(study: Study, cell: Cell) -> bool:
    """Whether a cell was trained and tested."""
    return Journal(study.folder / cell.folder, CELL).facts(TESTED) is not None


def check_cells(study: Study, cells: Sequence[Cell], fit: Fit) -> None:
    """Refuse now what would end a training; nothing is written into the folder of the study.

    Args:
        study: What is asked for.
        cells: Of it.
        fit: Would train a cell.

    Raises:
        MammoError: A config does not fit the start, or its schedule does not fit its length.
    """
    waiting = [cell for cell in cells if not cell.is_start and not is_done(study, cell)]
    for cell in waiting:
        fit.check(
            study.configs[cell.config], study.start, study.subset(cell).describe()['patients']
        )
    first = {cell.config: cell for cell in reversed(waiting)}
    with TemporaryDirectory() as folder:
        elsewhere = replace(study, folder=Path(folder))
        for label, cell in first.items():
            data = Data(study.data_root, elsewhere.part(cell)[0])
            for cfg in members_of(study.configs[label]).values():
                check_schedule(cell_config(cfg, study.start, data))


def run_cells(
    study: Study, cells: Sequence[Cell], fit: Fit, say: Callable[[str], None] = print
) -> list[str]:
    """Do the cells that nobody has done; each says what it scored, and how long the rest will take.

    Args:
        study: That :meth:`Study.begin` was called of.
        cells: Of it.
        fit: Trains a cell.
        say: Of lines for the user.

    Returns:
        What failed: a line for each cell. The next call tries them again.
    """
    waiting = [cell for cell in cells if not is_done(study, cell)]
    say(f'{len(cells)} cells, {len(cells) - len(waiting)} of them done before.')
    failed, minutes = [], []
    for number, cell in enumerate(waiting, start=1):
        begun = time.monotonic()
        try:
            with hold(study.folder / cell.folder) as held:
                if not held:
                    say(f'{cell.folder}: another process does it')
                    continue
                if not is_done(study, cell):
                    run_cell(study, cell, fit)
        except MammoError as error:
            failed.append(f'{cell.folder}: {error}')
            say(f'failed: {failed[-1]}')
            continue
        if not cell.is_start:
            minutes.append((time.monotonic() - begun) / 60)
        facts = Journal(study.folder / cell.folder, CELL).facts(TESTED) or {}
        left = f', about {_mean(minutes) * (len(waiting) - number):.0f} min left' if minutes else ''
        score = facts.get('lesion_dice')
        told = 'no lesion was tested' if score is None else f'lesion Dice {score:.1f}'
        took = (time.monotonic() - begun) / 60
        say(f'{number} of {len(waiting)}, {cell.folder}: {told}, {took:.1f} min{left}')
    return failed


def run_cell(study: Study, cell: Cell, fit: Fit) -> None:
    """Train and test a cell; what of it is done stays done."""
    home = study.folder / cell.folder
    journal = Journal(home, CELL)
    journal.begin(True)
    part, tested = study.part(cell)
    training = home / TRAINING
    begun = time.monotonic()
    if cell.is_start:
        checkpoint = study.start
    elif (known := journal.facts(FITTED)) and (home / known['checkpoint']).is_file():
        checkpoint = home / known['checkpoint']
    else:
        data = Data(study.data_root, part)
        checkpoint = fit(study.configs[cell.config], study.start, data, training, cell.seed or 0)
        took = (time.monotonic() - begun) / 60
        place = checkpoint.resolve().relative_to(home.resolve()).as_posix()
        journal.finish(FITTED, {'checkpoint': place, 'minutes': round(took, 3)})
    if checkpoint is None:
        raise MammoError(f'{START}: there is none', '--from CHECKPOINT')
    ann_file = str(tested) if tested else None
    run = run_test(checkpoint, study.data_root, ann_file, home / TEST, study.device)
    facts = {
        **cell.key(),
        'unit': study.unit,
        **study.subset(cell).describe(),
        **test_results(run),
        **model_facts(checkpoint, None if cell.is_start else training),
        'minutes': (journal.facts(FITTED) or {}).get('minutes', ''),
        'folder': cell.folder,
    }
    journal.finish(TESTED, facts)
    if not cell.is_start and cell.count != ALL and not study.keep_weights:
        for path in training.rglob('*.pth'):
            path.unlink()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
