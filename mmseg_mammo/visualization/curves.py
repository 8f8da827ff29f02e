"""Training curves: validation scores and losses over the epochs, or the steps, of a training."""

import io
from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from mmseg_mammo.evaluation.scalars import MONITOR, best, scalar
from mmseg_mammo.visualization.plots import COLOURS, GREY, LINES, canvas

Curves = Mapping[str, Mapping[int, float]]
TRAINING = 'epoch_loss'
# Key of vis_data/scalars.json -> label.
_SHOWN = {
    'iou': 'IoU',
    'dice': 'Dice',
    'lesion_dice': 'Dice, lesion images',
    'val_loss': 'validation loss',
    TRAINING: 'training loss',
}
_UNITS = {key: declared.unit if (declared := scalar(key)) else 'loss' for key in _SHOWN}
# Unit -> labels by key; the panels from left to right.
PANELS = {
    unit: {key: label for key, label in _SHOWN.items() if _UNITS[key] == unit}
    for unit in dict.fromkeys(_UNITS.values())
}


def by_epoch(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, float]]:
    """Value of each shown scalar by epoch, or by step where a training counts in steps.

    Args:
        lines: What :func:`mmseg_mammo.io.run_folder.read_curves` reads, in the order of writing.

    Returns:
        By key, then epoch; of an epoch that ran twice the later value.
    """
    found: dict[str, dict[int, float]] = {key: {} for panel in PANELS.values() for key in panel}
    for line in lines:
        if 'iter' not in line:  # those of training steps have it
            for key in found.keys() & line.keys():
                found[key][int(line['step'])] = float(line[key])
    return {key: dict(sorted(values.items())) for key, values in found.items()}


def loss_of_steps(lines: Iterable[Mapping[str, Any]], unit: str) -> dict[int, float]:
    """The training loss from the logged steps: the mean of each epoch, or each step by itself.

    Args:
        lines: As of :func:`by_epoch`.
        unit: ``epoch`` or ``step``.

    Returns:
        By epoch or step; of a step that a resumed training ran twice the later value counts.
    """
    values: dict[int, dict[int, float]] = {}
    for line in lines:
        if 'iter' in line and 'loss' in line and unit in line:
            values.setdefault(int(line[unit]), {})[int(line['iter'])] = float(line['loss'])
    return {place: sum(each.values()) / len(each) for place, each in sorted(values.items())}


def draw_curves(drawn: Canvas, found: Curves, unit: str = 'epoch') -> None:
    """Draw the panels; call it inside of :func:`~mmseg_mammo.visualization.plots.canvas`.

    Args:
        drawn: An empty canvas.
        found: Of :func:`by_epoch`.
        unit: What the x axis counts.
    """
    axes = drawn.subplots(1, len(PANELS))
    for axis, (scale, labels) in zip(axes, PANELS.items(), strict=True):
        for index, (key, label) in enumerate(labels.items()):
            if values := found[key]:
                style: dict[str, Any] = {'color': COLOURS[index], 'linestyle': LINES[index]}
                mark = '.' if len(values) < 3 else ''
                axis.plot(list(values), list(values.values()), label=label, marker=mark, **style)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlabel(unit)
        axis.set_ylabel(scale)
        if axis.lines:
            axis.legend()


def curve_picture(lines: Iterable[Mapping[str, Any]], title: str, unit: str = 'epoch') -> bytes:
    """The curves of a training that may be running, as PNG; the best validation is marked.

    The training loss is the mean over all images of an epoch where it was logged, else that of
    the logged steps.

    Args:
        lines: As of :func:`by_epoch`.
        title: In front of the best value.
        unit: ``epoch`` or ``step``.
    """
    lines = list(lines)
    found = by_epoch(lines)
    found[TRAINING] = found[TRAINING] or loss_of_steps(lines, unit)
    with canvas('curves', (8.4, 3.4)) as drawn:
        draw_curves(drawn, found, unit)
        drawn.axes[0].set_ylim(0, max(1, drawn.axes[0].get_ylim()[1]))  # percent; 1e-8 is nothing
        scores = {place: v for place, v in found[MONITOR].items() if not isnan(v)}
        if scores:
            top = best(MONITOR, scores.values())
            place = next(place for place, value in scores.items() if value == top)
            _mark_best(drawn.axes[0], place, top)
            title += f': best lesion Dice {top:.2f} %, {unit} {place} of {max(scores)}'
        drawn.suptitle(title, fontsize=9, x=0.01, ha='left')
        png = io.BytesIO()
        drawn.savefig(png, format='png', metadata={'Software': None})
    return png.getvalue()


def _mark_best(axis: Axes, place: int, value: float) -> None:
    axis.axvline(place, color=GREY, linewidth=0.8, linestyle=':')
    axis.plot(place, value, 'o', color=GREY, markersize=6, fillstyle='none')
