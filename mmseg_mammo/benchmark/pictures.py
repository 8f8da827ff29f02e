"""Pictures of benchmarks: curves over what was varied, one panel for each quantity."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.visualization.plots import model_style, panels

Points = Sequence[tuple[float, float | None]]


class _Plain(LogFormatter):
    """Labels where matplotlib sets them on a short logarithmic axis, without powers of ten."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f'{x:,g}' if super().__call__(x, pos) else ''


@dataclass(frozen=True)
class Panel:
    """One quantity over another.

    Attributes:
        x: Label of what was varied, with its unit.
        y: Label of what was measured, with its unit.
        series: Points by name; those without a value are left out.
        logarithmic: Axes that are so, such as ``'xy'``; 0 is not on one.
        names: Of places that are no numbers; they stand along the y axis then.
    """

    x: str
    y: str
    series: Mapping[str, Points]
    logarithmic: str = ''
    names: Mapping[float, str] = field(default_factory=dict)


def write_curves(path: Path, title: str, drawn: Sequence[Panel]) -> None:
    """Write the panels that have points side by side as PNG, atomically; nothing without any.

    Args:
        path: The file.
        title: Above the first panel.
        drawn: The panels.
    """
    shown = [panel for panel in drawn if any(map(_measured, panel.series.values()))]
    if not shown:
        return
    found = (item for panel in shown for item in panel.series.items())
    names = list(dict.fromkeys(name for name, points in found if _measured(points)))
    places = {name: place for place, name in enumerate(names)}

    def drawer(panel: Panel, heading: str) -> Callable[[Axes], None]:
        def draw(axis: Axes) -> None:
            _draw(axis, panel, places)
            axis.set_title(heading)

        return draw

    drawers = [drawer(panel, title if not number else '') for number, panel in enumerate(shown)]
    legend = places if len(names) > 1 else {}
    figure = panels('benchmark', title, '', '', drawers, legend)
    write_atomic(path, lambda stream: stream.write(figure.png))


def _measured(points: Points) -> list[tuple[float, float]]:
    return sorted((x, y) for x, y in points if y is not None)


def _draw(axis: Axes, panel: Panel, places: Mapping[str, int]) -> None:
    found = {name: points for name, each in panel.series.items() if (points := _measured(each))}
    if panel.names:
        _draw_names(axis, panel, found, places)
        return
    for name, points in found.items():
        axis.plot(*zip(*points, strict=True), ms=4, lw=1.3, **model_style(places[name]))
    if 'x' in panel.logarithmic:
        axis.set_xscale('log')
    if 'y' in panel.logarithmic:
        axis.set_yscale('log')
        axis.yaxis.set_major_formatter('{x:,g}')
        axis.yaxis.set_minor_formatter(_Plain())
    else:
        axis.set_ylim(0, 1.08 * max(y for points in found.values() for _, y in points))
    ticks = sorted({x for points in found.values() for x, _ in points})
    axis.set_xticks(ticks, [f'{x:,.10g}' for x in ticks])
    axis.set_xticks([], minor=True)
    axis.set_xlabel(panel.x)
    axis.set_ylabel(panel.y)


def _draw_names(
    axis: Axes,
    panel: Panel,
    found: Mapping[str, Sequence[tuple[float, float]]],
    places: Mapping[str, int],
) -> None:
    """A line of the panel for each name, with its values along the x axis."""
    for name, points in found.items():
        style = {**model_style(places[name]), 'linestyle': ''}
        axis.plot([y for _, y in points], [x for x, _ in points], ms=6, **style)
    axis.set_yticks([*panel.names], [*panel.names.values()])
    axis.set_ylim(max(panel.names) + 0.5, min(panel.names) - 0.5)
    axis.set_xlim(0, 1.08 * max(y for points in found.values() for _, y in points))
    axis.set_xlabel(panel.y)
