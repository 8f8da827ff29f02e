"""Auto: tries the tunings that fit a checkpoint, and keeps the likeliest that folds find as good as any."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmseg_mammo.engine.steps.journal import Journal, tell
from mmseg_mammo.engine.steps.trainings import Train
from mmseg_mammo.engine.work_dir import AUTO as JOURNAL
from mmseg_mammo.engine.work_dir import is_first_process
from mmseg_mammo.evaluation.out_of_fold.choice import first_as_good
from mmseg_mammo.evaluation.out_of_fold.false_marks import describe_false_marks
from mmseg_mammo.evaluation.out_of_fold.held_out import Scores
from mmseg_mammo.io.files import read_json
from mmseg_mammo.io.run_folder import BEST, RUN, TRIED
from mmseg_mammo.io.table import write_table
from mmseg_mammo.studies.few.auto_checks import check_auto, home_of
from mmseg_mammo.studies.few.budget import FINAL, Budget
from mmseg_mammo.studies.few.cross_validation import (
    Chosen,
    choose,
    choose_steps,
    cross_validate,
    looked_at,
)
from mmseg_mammo.studies.few.fit import finish
from mmseg_mammo.studies.few.fitted import Fitted, fitted_of
from mmseg_mammo.studies.few.tuning import Tuning, open_journal, open_tuning

AUTO = 'auto'  # the row of the choice among all
COLUMNS = (
    *('tuning', 'chosen', 'steps', 'lesion_dice', 'low', 'high', 'gain', 'gain_low', 'gain_high'),
    *('dice', 'trained_parameters', 'seconds', 'note'),
    *('false_marks', 'false_marks_lesion', 'false_marks_normal'),
)
_NO_TIME, _LEFT = 'left out: no time left', 'left after a fold: no time left'
_HONEST = 'each fold by the tuning and the steps that the others prefer'


class Tried(NamedTuple):
    """What auto made of the tunings.

    Attributes:
        fitted: The one that is kept; its checkpoint is ``best.pth`` of the work folder.
        name: Of its tuning; ``start`` if the start is kept.
        table: ``auto.csv``.
    """

    fitted: Fitted
    name: str
    table: Path


def tune_auto(
    configs: Mapping[str, Config],
    start: Path,
    data_root: Path,
    work_dir: Path,
    *,
    minutes: float | None,
    ann_file: str = 'index.csv',
    folds: int = 5,
    seed: int = 0,
    train: Train,
    resume: bool = True,
) -> Tried:
    """Try tunings by the same folds within a budget, and train one of the best on all images.

    The first one is always finished. Another one is begun while there is time for one as long as
    the longest so far, and left when its first fold shows that there is not.

    Args:
        configs: Few-configs by name, in the order in which they are tried, and preferred
            (:func:`.first_as_good`).
        start: Checkpoint.
        data_root: Prepared folder.
        work_dir: Gets ``best.pth``, ``auto.csv``, and a folder for each tuning.
        minutes: Budget of all calls of one work folder; None: see :class:`.Budget`.
        ann_file: Index below ``data_root``.
        folds: Number of folds.
        seed: Of the folds.
        train: Trains one config.
        resume: Whether to go on with what the work folder holds.

    Raises:
        MammoError: No tuning fits, see :class:`.Budget`, or see :func:`.fit_few`.
    """
    check_auto(configs, start, data_root, work_dir, ann_file, folds, seed, minutes)
    work_dir.mkdir(parents=True, exist_ok=True)
    journal = open_journal(work_dir / JOURNAL, resume, {'folds': folds, 'seed': seed})
    budget = Budget(journal, minutes)
    rows: dict[str, dict[str, Any]] = {}
    tunings: dict[str, Tuning] = {}
    for name, cfg in configs.items():
        known = journal.facts(name)
        if known is None and not budget.has_time(name, folds):
            rows[name] = _left(name, budget)
            continue
        first = next(iter(tunings.values()), None)
        given = (ann_file, folds, seed, False, resume)
        own = home_of(work_dir, name)
        with budget.spend(name, own):  # the first one looks at the start
            tuning = open_tuning(cfg, start, data_root, own, *given, seen=first)
        rows[name] = known or _try(name, tuning, budget, resume, train, journal)
        if 'lesion_dice' in rows[name]:
            tunings[name] = tuning
    return _keep_best(tunings, rows, work_dir, budget, resume, train)


def _left(name: str, budget: Budget) -> dict[str, Any]:
    """The row of a tuning that there is no time for."""
    if name not in budget.spent:
        return {'tuning': name, 'note': _NO_TIME}
    return {'tuning': name, 'seconds': budget.spent[name], 'note': _LEFT}


def _try(
    name: str, tuning: Tuning, budget: Budget, resume: bool, train: Train, journal: Journal
) -> dict[str, Any]:
    """The row of a tuning, which is noted in the journal if its folds are finished."""
    count, others = tuning.division.count, budget.others(name)
    folds = cross_validate(tuning.cfg, tuning.division, resume, train, tuning.journal)
    while True:
        with budget.spend(name, tuning.division.work_dir):
            if next(folds, None) is None:
                break
        done = sum(tuning.journal.facts(f'fold_{n}') is not None for n in range(1, count + 1))
        needed = budget.spent[name] * (count + 1) / done
        if others and done < count and sum(others) + needed > budget.seconds:
            tell(f'{name}: would take {needed / 60:.1f} minutes, and is left')
            return _left(name, budget)
    row = _row(name, tuning, budget.spent[name])
    tell(f'{name}: lesion Dice {row["lesion_dice"]:.1f} out of fold, {row["gain"]:+.1f}')
    if is_first_process():
        journal.finish(name, row)
    return row


def _row(name: str, tuning: Tuning, seconds: float) -> dict[str, Any]:
    chosen = choose_steps(tuning.cfg, tuning.division)
    return {
        'tuning': name,
        'steps': chosen.after,
        **_numbers(chosen),
        'trained_parameters': _trained(tuning.division.work_dir),
        'seconds': seconds,
    }


def _numbers(chosen: Chosen) -> dict[str, float]:
    """What tuning comes to where the other folds choose."""
    fitted = fitted_of(Path(BEST), chosen)
    found = {
        'lesion_dice': fitted.tuned.value,
        'low': fitted.tuned.low,
        'high': fitted.tuned.high,
        'gain': fitted.gain.value,
        'gain_low': fitted.gain.low,
        'gain_high': fitted.gain.high,
        'dice': 100 * chosen.tuned.mean(),
    }
    numbers = {key: round(value, 4) for key, value in found.items() if not math.isnan(value)}
    return {**numbers, **_false_marks(chosen.tuned)}


def _trained(work_dir: Path) -> int | str:
    """The number of parameters that the training of a fold trained."""
    found = sorted(work_dir.glob(f'fold_1/*/{RUN}'))
    return read_json(found[0])['parameters']['all']['trained'] if found else ''


def _keep_best(
    tunings: Mapping[str, Tuning],
    rows: dict[str, dict[str, Any]],
    work_dir: Path,
    budget: Budget,
    resume: bool,
    train: Train,
) -> Tried:
    """Train the best tuning on all images, or keep the start; write the table."""
    best, chosen = _choose(tunings)
    starts = {'start as it is': chosen.as_it_is, 'start': chosen.scores[0]}
    kept = best if chosen.steps else next(n for n, one in starts.items() if one is chosen.start)
    table = [*(_start_row(*one) for one in starts.items()), *rows.values()]
    for row in table:
        row['chosen'] = 'yes' if row['tuning'] == kept else ''
    whole = {'tuning': AUTO, **_numbers(chosen), 'note': _HONEST}
    write_table(work_dir / TRIED, COLUMNS, [*table, whole])
    more = {'tuning': kept, 'tried': [_short(row) for row in table]}
    if len(tunings) > 1:
        tell(f'{best} is chosen of {len(tunings)} tunings; the gain of the choice: {_HONEST}')
    step = f'best of {len(tunings)} written'  # of more tunings another one may be
    tuning = tunings[best]
    with budget.spend(FINAL, tuning.division.work_dir):
        fitted = finish(tuning, chosen, resume, train, work_dir / BEST, more, step)
    return Tried(fitted, kept, work_dir / TRIED)


def _choose(tunings: Mapping[str, Tuning]) -> tuple[str, Chosen]:
    """The first tuning that is as good as the best, and what that choice comes to."""
    looks = {name: looked_at(tuning.division) for name, tuning in tunings.items()}
    rivals = [*looks.values()]
    found = {name: choose(each.cfg, looks[name], rivals) for name, each in tunings.items()}
    dice = [one.scores[one.after].dice[None] for one in found.values()]
    start = next(iter(found.values())).start
    first, _ = first_as_good(dice, start.patients, start.mean())
    return [*found.items()][first]


_ENDS = {'lesion_dice': 'value', 'low': 'low', 'high': 'high'}


def _start_row(name: str, scores: Scores) -> dict[str, Any]:
    """The row of the start at its own threshold, or where the folds cut it."""
    return {
        'tuning': name,
        'steps': 0,
        **{n: round(getattr(scores.of_lesions(), v), 4) for n, v in _ENDS.items()},
        'dice': round(100 * scores.mean(), 4),
        **_false_marks(scores),
    }


def _false_marks(scores: Scores) -> dict[str, float]:
    """The columns of false marks an image."""
    found = describe_false_marks(scores).items()
    names = {'all': 'false_marks', 'lesion': 'false_marks_lesion', 'normal': 'false_marks_normal'}
    return {names[kind]: round(value, 4) for kind, value in found if value is not None}


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ('tuning', 'steps', 'lesion_dice', 'note') if name in row}
