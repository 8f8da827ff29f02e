"""Learning-curve section: every tuning at each count, the best of each, and what more would bring."""

from collections.abc import Iterator, Mapping

import numpy as np

from mmseg_mammo.evaluation.bootstrap import Estimate, difference
from mmseg_mammo.evaluation.learning_curve.fits import FORMS
from mmseg_mammo.evaluation.learning_curve.forecast import Forecast, forecast
from mmseg_mammo.evaluation.learning_curve.points import Point
from mmseg_mammo.evaluation.learning_curve.tables import Curves, curves_of
from mmseg_mammo.io.tables.learning_curve import CurveTables, count_order
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import cells, number
from mmseg_mammo.visualization.learning_curve import learning_curve_figure
from mmseg_mammo.visualization.plots import Figure

MORE = 20  # images or patients that the report forecasts
_POINTS = (
    *('tuning', 'trained parameters', 'of all %', 'count', 'images', 'patients', 'seeds'),
    *('lesion Dice %', 'low', 'high', 'over start', 'over start low', 'over start high'),
    *('start kept', 'mark'),
)
_BEST = ('count', 'best', 'lesion Dice %', 'next', 'difference', 'low', 'high', 'mark')
_FORECASTS = (
    *('tuning', 'more', 'form', 'gain', 'low', 'high'),
    *(*(f'{form.name}: off by' for form in FORMS), 'said'),
)
_WHAT = (
    'What tuning on the first N annotated images of a hospital gives on its own test images: each '
    'tuning at each count, beside the start that was not tuned. The same seed has the same images '
    'for every tuning, and those of a smaller count are among those of a larger one.'
)
_MORE = (
    'Each form of curve forecasts the last count from those before it. The form that was less wrong '
    'is used, and how wrong it was stands beside its forecast; where a forecast does not hold, the '
    'reason stands in its place.'
)


def learning_curve_section(runs: Runs) -> Section | None:
    """A figure and three tables for each study; None without any."""
    items: list[Table | Figure] = []
    for number_, tables in enumerate(runs.curves, start=1):
        more = f'_{number_}' if len(runs.curves) > 1 else ''
        where = f': {tables.folder.resolve().name}' if more else ''
        items += _items(tables, f'learning_curve{more}', where)
    if not items:
        return None
    return Section('learning_curve', 'Learning curve', (_WHAT, _MORE), tuple(items))


def _items(tables: CurveTables, name: str, where: str) -> Iterator[Table | Figure]:
    curves = curves_of(tables)
    forecasts = {config: forecast(curves.of(config), MORE, curves.unit) for config in curves.points}
    if curves.points or curves.start:
        title = f'Lesion Dice over annotated {curves.unit}{where}'
        yield learning_curve_figure(name, title, curves, forecasts)
    yield Table(
        f'{name}_points', f'Tunings at each count{where}', _POINTS, (*_point_rows(tables, curves),),
        _notes(curves),
    )  # fmt: skip
    best = (*_best_rows(curves),)
    if best:
        note = 'Difference: best − next, in points of lesion Dice, paired by seed and test patient.'
        yield Table(f'{name}_best', f'The best tuning at each count{where}', _BEST, best, (note,))
    rows = (*_forecast_rows(forecasts),)
    if rows:
        note = 'Off by: forecast of the last count from those before it − what was measured there.'
        title = f'{MORE} more annotated {curves.unit}{where}'
        yield Table(f'{name}_forecast', title, _FORECASTS, rows, (note,))


def _notes(curves: Curves) -> tuple[str, ...]:
    intervals = (
        'Lesion Dice: mean over test images with a lesion and over seeds. Intervals: 95 %, over test '
        'patients and seeds; of one seed over patients alone. Start kept: trainings after which folds '
        'kept the start.'
    )
    if not curves.incomplete:
        return (intervals,)
    left = f'{curves.incomplete} trainings do not count: not all test images were tested.'
    return intervals, left


def _point_rows(tables: CurveTables, curves: Curves) -> Iterator[tuple[Cell, ...]]:
    if curves.start:
        yield _point_row('start', (None, None), '0', curves.start, None, None)
    sizes = {cell['config']: _sizes(cell) for cell in tables.cells}
    for config, points in curves.points.items():
        for count, point in sorted(points.items(), key=lambda item: count_order(item[0])):
            gain = difference(point.score, curves.start.score) if curves.start else None
            kept = sum(
                cell['start_kept'] == 'yes'
                for cell in tables.cells
                if (cell['config'], cell['count']) == (config, count)
            )
            yield _point_row(config, sizes[config], count, point, gain, kept)


def _point_row(
    config: str,
    sizes: tuple[Cell, Cell],
    count: str,
    point: Point,
    gain: Estimate | None,
    kept: int | None,
) -> tuple[Cell, ...]:
    return (
        *(config, *sizes, count, number(point.images, 1), number(point.patients, 1), point.seeds),
        *cells(point.score),
        *(cells(gain) if gain else (None, None, None)),
        *(kept, _mark(point)),
    )


def _mark(point: Point) -> str:
    marks = ['few test patients'] if point.score.is_narrow or np.isnan(point.score.low) else []
    return '; '.join([*marks, *(['one seed'] if point.seeds == 1 and point.images else [])])


def _sizes(cell: Mapping[str, str]) -> tuple[Cell, Cell]:
    """Trained parameters of a cell, and their share of all in percent."""
    try:
        trained, whole = int(float(cell['trained_parameters'])), float(cell['parameters'])
    except ValueError:
        return None, None
    return trained, number(100 * trained / whole, 3) if whole else None


def _best_rows(curves: Curves) -> Iterator[tuple[Cell, ...]]:
    """For each count that two tunings have: the best one, and by how much."""
    counts = sorted({c for points in curves.points.values() for c in points}, key=count_order)
    for count in counts:
        there = {config: p[count] for config, p in curves.points.items() if count in p}
        if len(there) > 1:
            first, second = sorted(there, key=lambda config: -there[config].score.value)[:2]
            step = difference(there[first].score, there[second].score)
            score = there[first].score.value
            marks = [] if step.low > 0 else ['may be chance']
            if curves.start and score < curves.start.score.value:
                marks.append('below the start')
            yield (count, first, number(score), second, *cells(step), '; '.join(marks))


def _forecast_rows(forecasts: Mapping[str, Forecast]) -> Iterator[tuple[Cell, ...]]:
    for config, found in forecasts.items():
        holds = found.gain is not None and not found.reason
        errors = (number(found.errors.get(form.name, np.nan)) for form in FORMS)
        gain = cells(found.gain) if holds and found.gain else (None, None, None)
        form = found.form.name if holds and found.form else None
        yield (config, found.more, form, *gain, *errors, found.sentence())
