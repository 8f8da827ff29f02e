"""Learning curves as a picture: a line for each tuning, the start as a level line, and forecasts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from mmseg_mammo.evaluation.learning_curve.forecast import Forecast
from mmseg_mammo.evaluation.learning_curve.points import Point
from mmseg_mammo.evaluation.learning_curve.tables import Curves
from mmseg_mammo.visualization.plots import GREY, Figure, canvas, model_style, to_figure

_APART = 0.022  # of the place on a logarithmic axis, between the marks of neighbouring lines
_STEPS = 60  # of a fitted curve


def learning_curve_figure(
    name: str,
    title: str,
    curves: Curves,
    forecasts: Mapping[str, Forecast],
    places: Mapping[str, int] | None = None,
) -> Figure:
    """Lesion Dice over the number of annotated images, with 95 % intervals.

    Args:
        name: File stem.
        title: Of the figure.
        curves: The points.
        forecasts: By config; a dashed line for each that holds.
        places: By config, the index of its look; by default the order of ``curves``.
    """
    places = places or {config: place for place, config in enumerate(curves.points)}
    with canvas(name, (7.2, 4.6)) as drawn:
        axis = drawn.subplots()
        _draw_start(axis, curves.start)
        for number, config in enumerate(curves.points):
            factor = 1 + _APART * (number - (len(curves.points) - 1) / 2)
            _draw_line(axis, config, curves.of(config), curves.unit, factor, places[config])
            _draw_forecast(axis, forecasts.get(config), curves.of(config), places[config])
        _scale(axis, curves, forecasts)
        handles, labels = axis.get_legend_handles_labels()
        columns = 1 if max(map(len, labels), default=0) > 40 else min(3, len(labels) or 1)
        if handles:
            drawn.legend(handles, labels, loc='outside lower center', ncols=columns)
        caption = (
            'Means over seeds with 95 % intervals over seeds and test patients; marks that would hide '
            'each other are drawn apart. Dashed: forecast, where it holds.'
        )
        return to_figure(drawn, name, title, caption, _describe(curves))


def _draw_start(axis: Axes, start: Point | None) -> None:
    if start is None:
        return
    axis.axhline(start.score.value, color=GREY, lw=1.2, ls=':', label='start, not tuned')
    if not np.isnan(start.score.low):
        axis.axhspan(start.score.low, start.score.high, color=GREY, alpha=0.12, lw=0)


def _draw_line(
    axis: Axes, config: str, points: Sequence[Point], unit: str, factor: float, place: int
) -> None:
    style: dict[str, Any] = model_style(place)
    counts = np.array([each.count(unit) for each in points]) * factor
    values = np.array([each.score.value for each in points])
    ends = np.array([(each.score.low, each.score.high) for each in points]).reshape(-1, 2)
    axis.plot(counts, values, label=config, ms=4.5, lw=1.5, **style)
    axis.vlines(counts, ends[:, 0], ends[:, 1], color=style['color'], lw=1.1, alpha=0.8)


def _draw_forecast(axis: Axes, found: Forecast | None, points: Sequence[Point], place: int) -> None:
    if found is None or found.reason or found.curve is None or found.gain is None:
        return
    style = model_style(place)
    ahead = np.geomspace(found.last, found.last + found.more, _STEPS)
    values = found.curve.at(ahead)[0]
    axis.plot(ahead, values, color=style['color'], lw=1.2, ls=(0, (4, 2)))
    low, high = (values[0] + each for each in (found.gain.low, found.gain.high))
    axis.vlines(ahead[-1], low, high, color=style['color'], lw=0.9, ls=':')


def _scale(axis: Axes, curves: Curves, forecasts: Mapping[str, Forecast]) -> None:
    """A logarithmic axis whose ticks are the counts that were tried."""
    unit = curves.unit
    counts = sorted({each.count(unit) for line in curves.points.values() for each in line.values()})
    shown = [f.last + f.more for f in forecasts.values() if not f.reason and f.last > 0]
    ticks: list[float] = []
    for count in (each for each in counts if each > 0):  # those of other configs are much the same
        if not ticks or count > 1.12 * ticks[-1]:
            ticks.append(count)
    if ticks:
        axis.set_xscale('log')
        axis.set_xlim(0.85 * ticks[0], 1.15 * max([counts[-1], *shown]))
    axis.xaxis.set_major_locator(FixedLocator(ticks))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xticks(ticks, [f'{round(tick, 1):g}' for tick in ticks])
    axis.set_xlabel(f'annotated {unit} of the hospital')
    axis.set_ylabel('lesion Dice on the test images, %')
    axis.set_ylim(0, max(1, axis.get_ylim()[1]))


def _describe(curves: Curves) -> str:
    """The lines in words, for readers who cannot see the picture."""
    start = f'start {curves.start.score.value:.1f}; ' if curves.start else ''
    return start + '; '.join(
        f'{config}: '
        + ', '.join(
            f'{round(p.count(curves.unit), 1):g} {p.score.value:.1f}' for p in curves.of(config)
        )
        for config in curves.points
    )
