"""Plot style and plots of the report: safe for colour blindness, reproducible to the byte."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from mmseg_mammo.evaluation.bootstrap import Estimate

# Okabe and Ito's palette without yellow, which print loses.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
MARKERS = 'osD^vPX'
LINES = ('-', '--', ':', '-.')
GREY = '#767676'
_STYLE = {
    'font.family': 'sans-serif',
    'font.size': 9,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'grid.color': '#e3e3e3',
    'grid.linewidth': 0.6,
    'axes.axisbelow': True,
    'axes.titlesize': 9,
    'axes.titlelocation': 'left',
    'legend.frameon': False,
    'figure.facecolor': 'white',
    'svg.fonttype': 'none',
    'savefig.dpi': 150,
}


@dataclass(frozen=True)
class Figure:
    """A picture. ``name`` is the stem of its files, ``alt`` says in words what it shows."""

    name: str
    title: str
    caption: str
    png: bytes
    svg: str
    alt: str


def model_style(index: int | None) -> dict[str, Any]:
    """Colour, marker and line of the model with this index, other than its neighbours'.

    None is the look of what is no model.
    """
    if index is None:
        return {'color': GREY, 'marker': '|', 'linestyle': ':'}
    turn, place = divmod(index, len(COLOURS))
    return {
        'color': COLOURS[place],
        'marker': MARKERS[(place + turn) % len(MARKERS)],
        'linestyle': LINES[turn % len(LINES)],
    }


@contextmanager
def canvas(name: str, size: tuple[float, float]) -> Iterator[Canvas]:
    """A matplotlib figure of ``size`` inches in the report's style; ``name`` seeds SVG ids."""
    style: Any = {**_STYLE, 'svg.hashsalt': name}
    with mpl.rc_context(style):
        yield Canvas(figsize=size, layout='constrained')


def to_figure(drawn: Canvas, name: str, title: str, caption: str, alt: str) -> Figure:
    """Save a drawn canvas as a figure of the report; call it inside of :func:`canvas`."""
    png, svg = io.BytesIO(), io.StringIO()
    drawn.savefig(png, format='png', metadata={'Software': None})
    drawn.savefig(svg, format='svg', metadata={'Date': None, 'Creator': None})
    return Figure(name, title, caption, png.getvalue(), svg.getvalue(), alt)


def panels(
    name: str,
    title: str,
    caption: str,
    alt: str,
    draw: Sequence[Callable[[Axes], None]],
    labels: Mapping[str, int] = {},
    size: tuple[float, float] = (4.2, 3.6),
) -> Figure:
    """Panels side by side, at most three in a row, with one legend of ``labels`` below them.

    Args:
        name: File stem.
        title: Of the figure.
        caption: What it shows, for a reader.
        alt: What it shows, for somebody who does not see it.
        draw: One function for each panel.
        labels: Models and the indices of their looks.
        size: Inches of one panel.
    """
    wide = min(3, len(draw))
    high = -(-len(draw) // wide)
    width = wide * size[0]
    longest = 0.6 + 0.08 * max(map(len, labels), default=0)  # inches
    columns = max(1, min(len(labels), int(width / longest)))
    legend = -(-len(labels) // columns) * 0.22
    with canvas(name, (width, high * size[1] + legend)) as drawn:
        axes = drawn.subplots(high, wide, squeeze=False).ravel()
        for axis, function in zip(axes, draw, strict=False):
            function(axis)
        for axis in axes[len(draw) :]:
            axis.set_visible(False)
        handles = [axes[0].plot([], [], label=t, **model_style(i))[0] for t, i in labels.items()]
        if handles:
            drawn.legend(handles=handles, loc='outside lower center', ncols=columns)
        return to_figure(drawn, name, title, caption, alt)


def forest(
    name: str,
    title: str,
    caption: str,
    values: Mapping[str, Mapping[str, Estimate]],
    places: Mapping[str, int],
) -> Figure:
    """Means with their intervals, a panel for each score, a line for each model.

    ``places`` are the indices of the models' looks.
    """
    models = list(dict.fromkeys(model for panel in values.values() for model in panel))
    height = 0.7 + 0.32 * len(models)

    def drawer(text: str, panel: Mapping[str, Estimate], first: bool) -> Callable[[Axes], None]:
        def draw(axis: Axes) -> None:
            for row, model in enumerate(models):
                if model in panel:
                    dot(axis, panel[model], row, places.get(model))
            axis.set_yticks(range(len(models)), models if first else [])
            axis.set_ylim(len(models) - 0.5, -0.5)
            axis.set_xlim(0, max(1, axis.get_xlim()[1]))  # percent; 1e-8 is nothing
            axis.set_title(text)

        return draw

    alt = '; '.join(f'{text}: {describe_means(panel)}' for text, panel in values.items())
    drawers = [drawer(*each, first=not place) for place, each in enumerate(values.items())]
    return panels(name, title, caption, alt, drawers, size=(3.4, height))


def dot(axis: Axes, estimate: Estimate, place: float, index: int | None) -> None:
    """Draw a mean and its interval on a horizontal axis, in the style of model ``index``."""
    if np.isnan(estimate.value):
        return
    style = model_style(index)
    if not np.isnan(estimate.low):
        axis.plot([estimate.low, estimate.high], [place, place], color=style['color'], lw=1.6)
    axis.plot(estimate.value, place, style['marker'], color=style['color'], ms=5, clip_on=False)


def describe_means(panel: Mapping[str, Estimate]) -> str:
    """The means of a panel in words, for readers who cannot see the picture."""
    known = {model: each.value for model, each in panel.items() if not np.isnan(each.value)}
    return ', '.join(f'{model} {value:.1f}' for model, value in known.items()) or 'no images'
