"""Auto: tries the tunings that fit a checkpoint, cheapest first, and keeps the best by folds."""

import csv
import io
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmseg_mammo.engine.steps.journal import Journal, tell
from mmseg_mammo.engine.steps.trainings import Train
from mmseg_mammo.engine.work_dir import is_first_process
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.out_of_fold.false_marks import describe_false_marks
from mmseg_mammo.evaluation.out_of_fold.held_out import Scores
from mmseg_mammo.io.files import read_json, write_atomic
from mmseg_mammo.io.run_folder import BEST, RUN
from mmseg_mammo.studies.few.cross_validation import choose_steps, cross_validate
from mmseg_mammo.studies.few.fit import finish
from mmseg_mammo.studies.few.fitted import Fitted, best_above, fitted_of
from mmseg_mammo.studies.few.tuning import Tuning, open_journal, open_tuning

TABLE = 'auto.csv'
JOURNAL = 'auto.json'
# The last word of a name: what trains little is tried first.
_CHEAPEST = ('head', 'bias', 'vpt', 'lora', 'decoder', 'full')
COLUMNS = (
    *('tuning', 'chosen', 'steps', 'lesion_dice', 'low', 'high', 'gain', 'gain_low', 'gain_high'),
    *('dice', 'trained_parameters', 'seconds', 'note'),
    *('false_marks', 'false_marks_lesion', 'false_marks_normal'),
)
_NO_TIME = 'left out: no time left'


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


def cheapest_first(names: Iterable[str]) -> list[str]:
    """Names of few-configs, those that train little first.

    >>> cheapest_first(['few/unet_full', 'few/unet_bias', 'few/unet_head'])
    ['few/unet_head', 'few/unet_bias', 'few/unet_full']
    """

    def cost(name: str) -> tuple[int, str]:
        kind = name.rpartition('_')[2]
        return (_CHEAPEST.index(kind) if kind in _CHEAPEST else len(_CHEAPEST), name)

    return sorted(names, key=cost)


def tune_auto(
    configs: Mapping[str, Config],
    start: Path,
    data_root: Path,
    work_dir: Path,
    *,
    minutes: float,
    ann_file: str = 'index.csv',
    folds: int = 5,
    seed: int = 0,
    train: Train,
    resume: bool = True,
) -> Tried:
    """Try tunings by the same folds within a budget, and train the best on all images.

    The first one is always finished. Another one is begun while there is time for one as long as
    the longest so far, and left when its first fold shows that there is not.

    Args:
        configs: Few-configs by name, in the order in which they are tried.
        start: Checkpoint.
        data_root: Prepared folder.
        work_dir: Gets ``best.pth``, ``auto.csv``, and a folder for each tuning.
        minutes: Budget.
        ann_file: Index below ``data_root``.
        folds: Number of folds.
        seed: Of the folds.
        train: Trains one config.
        resume: Whether to go on with what the work folder holds.

    Raises:
        MammoError: No tuning fits, the budget is none, or see :func:`.fit_few`.
    """
    if not configs:
        raise MammoError(f'--from {start}: no tuning fits it', remedy='Name a config of few/')
    if not minutes > 0:
        raise MammoError(f'--minutes {minutes:g}', 'a number above 0')
    work_dir.mkdir(parents=True, exist_ok=True)
    journal = open_journal(work_dir / JOURNAL, resume, {'folds': folds, 'seed': seed})
    rows: dict[str, dict[str, Any]] = {}
    tunings: dict[str, Tuning] = {}
    for name, cfg in configs.items():
        own = work_dir / name.rpartition('/')[2]
        known = journal.facts(name)
        if known is None and not _has_time(rows, 60 * minutes, folds):
            rows[name] = {'tuning': name, 'note': _NO_TIME}
            continue
        first = next(iter(tunings.values()), None)
        given = (ann_file, folds, seed, False, resume)
        tuning = open_tuning(cfg, start, data_root, own, *given, seen=first)
        rows[name] = known or _try(name, tuning, rows, 60 * minutes, resume, train, journal)
        if 'lesion_dice' in rows[name]:
            tunings[name] = tuning
    return _keep_best(tunings, rows, work_dir, resume, train)


def _has_time(rows: Mapping[str, Mapping[str, Any]], budget: float, folds: int) -> bool:
    """Whether another tuning, as long as the longest so far, and the last training fit in."""
    seconds = [float(row.get('seconds', 0)) for row in rows.values()]
    return not seconds or sum(seconds) + max(seconds) * (1 + 1 / folds) <= budget


def _try(
    name: str,
    tuning: Tuning,
    before: Mapping[str, Mapping[str, Any]],
    budget: float,
    resume: bool,
    train: Train,
    journal: Journal,
) -> dict[str, Any]:
    """The row of a tuning, which is noted in the journal if its folds are finished."""
    began, count = time.monotonic(), tuning.division.count
    spent = sum(float(row.get('seconds', 0)) for row in before.values())
    for fold in cross_validate(tuning.cfg, tuning.division, resume, train, tuning.journal):
        needed = (time.monotonic() - began) * (count + 1) / fold
        if before and fold < count and spent + needed > budget:
            tell(f'{name}: would take {needed / 60:.1f} minutes, and is left')
            seconds = round(time.monotonic() - began, 1)
            return {'tuning': name, 'seconds': seconds, 'note': 'left after a fold: no time left'}
    row = _row(name, tuning, round(time.monotonic() - began, 1))
    tell(f'{name}: lesion Dice {row["lesion_dice"]:.1f} out of fold, {row["gain"]:+.1f}')
    if is_first_process():
        journal.finish(name, row)
    return row


def _row(name: str, tuning: Tuning, seconds: float) -> dict[str, Any]:
    chosen = choose_steps(tuning.cfg, tuning.division)
    steps = best_above(chosen)
    fitted = fitted_of(Path(BEST), chosen)
    numbers = {
        'lesion_dice': fitted.tuned.value,
        'low': fitted.tuned.low,
        'high': fitted.tuned.high,
        'gain': fitted.gain.value,
        'gain_low': fitted.gain.low,
        'gain_high': fitted.gain.high,
        'dice': 100 * chosen.tuned.mean(),
    }
    return {
        'tuning': name,
        'steps': steps,
        **{key: round(value, 4) for key, value in numbers.items() if not math.isnan(value)},
        **_false_marks(chosen.tuned),
        'trained_parameters': _trained(tuning.division.work_dir),
        'seconds': seconds,
    }


def _trained(work_dir: Path) -> int | str:
    """The number of parameters that the training of a fold trained."""
    found = sorted(work_dir.glob(f'fold_1/*/{RUN}'))
    return read_json(found[0])['parameters']['all']['trained'] if found else ''


def _keep_best(
    tunings: Mapping[str, Tuning],
    rows: dict[str, dict[str, Any]],
    work_dir: Path,
    resume: bool,
    train: Train,
) -> Tried:
    """Train the best tuning on all images, or keep the start; write the table."""
    best = max(tunings, key=lambda name: rows[name]['dice'])
    tuning = tunings[best]
    chosen = choose_steps(tuning.cfg, tuning.division)
    kept = best if chosen.steps else 'start'
    starts = {'start as it is': chosen.as_it_is, 'start': chosen.scores[0]}
    table = [*(_start_row(*one) for one in starts.items()), *rows.values()]
    for row in table:
        row['chosen'] = 'yes' if row['tuning'] == kept else ''
    write_table_of(work_dir / TABLE, table)
    more = {'tuning': kept, 'tried': [_short(row) for row in table]}
    fitted = finish(tuning, chosen, resume, train, work_dir / BEST, more)
    return Tried(fitted, kept, work_dir / TABLE)


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


def write_table_of(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table of all tunings as CSV.

    Args:
        path: The file.
        rows: With some of :data:`COLUMNS`.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval='')
    table.writeheader()
    for row in rows:
        table.writerow(row)
    write_atomic(path, lambda stream: stream.write(text.getvalue().encode()))
