"""What a study found: its tables, its picture, and the lines that a user reads."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmseg_mammo.evaluation.bootstrap import Estimate
from mmseg_mammo.evaluation.learning_curve.forecast import Forecast, forecast
from mmseg_mammo.evaluation.learning_curve.tables import Curves, curves_of
from mmseg_mammo.io.files import read_json, write_atomic
from mmseg_mammo.io.table import write_table
from mmseg_mammo.io.tables.learning_curve import (
    CURVE,
    CURVE_COLUMNS,
    KEY_COLUMNS,
    START,
    CurveTables,
    count_order,
    write_curve,
)
from mmseg_mammo.studies.learning_curve.run import CELL, TESTED
from mmseg_mammo.visualization.learning_curve import learning_curve_figure

PICTURE, FORECASTS = 'learning_curve.png', 'learning_curve_forecast.csv'
_FORECAST_COLUMNS = (
    *('config', 'unit', 'last_count', 'more', 'form', 'gain', 'gain_low', 'gain_high'),
    *('power_law_error', 'plateau_error', 'said'),
)


def gather(folder: Path, more: int) -> tuple[Curves, dict[str, Forecast]] | None:
    """Write tables and picture of all cells of a study that are done.

    Args:
        folder: Of the study.
        more: Images or patients to forecast.

    Returns:
        Curves, and the forecast of each config; None if no cell is done.
    """
    tables = gather_tables(folder)
    if tables is None:
        return None
    curves = curves_of(tables)
    found = {config: forecast(curves.of(config), more, curves.unit) for config in curves.points}
    write_table(
        folder / FORECASTS,
        _FORECAST_COLUMNS,
        [_forecast_line(config, each) for config, each in found.items()],
    )
    if curves.points or curves.start:
        title = f'Lesion Dice over annotated {curves.unit}'
        drawn = learning_curve_figure('learning_curve', title, curves, found)
        write_atomic(folder / PICTURE, lambda stream: stream.write(drawn.png))
    return curves, found


def gather_tables(folder: Path) -> CurveTables | None:
    """Write the tables of all cells of a study that are done; None if there is none."""
    cells = [read_json(path).get(TESTED) for path in sorted(folder.rglob(CELL))]
    done = sorted(filter(None, cells), key=_order)
    if not done:
        return None
    lines = ({name: cell.get(name, '') for name in CURVE_COLUMNS} for cell in done)
    patients = (
        {**{name: cell[name] for name in KEY_COLUMNS}, **patient}
        for cell in done
        for patient in cell['tested']
    )
    return write_curve(folder, map(_filled, lines), patients)


def lines_of(curves: Curves, forecasts: Mapping[str, Forecast]) -> Iterator[str]:
    """The result in words: each config at each count, and what more would bring."""
    if curves.start:
        yield f'{START}: {_estimate(curves.start.score)}'
    for config, points in curves.points.items():
        yield f'{config}:'
        for count, each in sorted(points.items(), key=lambda item: count_order(item[0])):
            seeds = f'{each.seeds} seed{"s" if each.seeds > 1 else ""}'
            yield (
                f'  {count:>4}: {_estimate(each.score)}, {round(each.images, 1):g} images of '
                f'{round(each.patients, 1):g} patients, {seeds}'
            )
        yield f'  {forecasts[config].sentence()}'
    if curves.incomplete:
        yield f'{curves.incomplete} cells do not count yet: their test folds are not all done.'


def where(folder: Path) -> str:
    """The line that says where tables and picture are."""
    return f'{folder / CURVE}, {FORECASTS}, {PICTURE}'


def _order(cell: Mapping[str, Any]) -> tuple:
    return (
        cell['config'] != START,
        cell['config'],
        count_order(cell['count']),
        *(int(cell[name] or 0) for name in ('seed', 'fold')),
    )


def _filled(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {name: '' if value is None else value for name, value in cell.items()}


def _estimate(score: Estimate) -> str:
    ends = '' if score.low != score.low else f' ({score.low:.1f} to {score.high:.1f})'
    return f'lesion Dice {score.value:.1f}{ends}'


def _forecast_line(config: str, found: Forecast) -> dict[str, Any]:
    holds = bool(found.gain and not found.reason)
    gain = found.gain if holds else None
    return {
        'config': config,
        'unit': found.unit,
        'last_count': '' if found.last != found.last else round(found.last, 1),
        'more': found.more,
        'form': found.form.name if found.form and holds else '',
        'gain': round(gain.value, 3) if gain else '',
        'gain_low': round(gain.low, 3) if gain else '',
        'gain_high': round(gain.high, 3) if gain else '',
        'power_law_error': _error(found, 'power law'),
        'plateau_error': _error(found, 'exponential plateau'),
        'said': found.sentence(),
    }


def _error(found: Forecast, form: str) -> float | str:
    return round(found.errors[form], 3) if form in found.errors else ''
