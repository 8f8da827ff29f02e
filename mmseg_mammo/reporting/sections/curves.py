"""Curve section (Figure 7 of the thesis): validation scores and losses over epochs."""

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mmseg_mammo.evaluation.scalars import scalar
from mmseg_mammo.io.run_folder import CURVES
from mmseg_mammo.reporting.document import Section
from mmseg_mammo.reporting.run_reader import Training
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.visualization.plots import COLOURS, LINES, Figure, canvas, to_figure

# Key of vis_data/scalars.json -> label.
_SHOWN = {
    'iou': 'IoU',
    'dice': 'Dice',
    'lesion_dice': 'Dice, lesion images',
    'val_loss': 'validation loss',
    'epoch_loss': 'training loss',
}
_UNITS = {key: declared.unit if (declared := scalar(key)) else 'loss' for key in _SHOWN}
# Unit -> labels by key; the panels from left to right.
PANELS = {
    unit: {key: label for key, label in _SHOWN.items() if _UNITS[key] == unit}
    for unit in dict.fromkeys(_UNITS.values())
}
RUNNING_MEAN = (
    'The validation loss is a running mean of up to ten validations, as older versions logged it: '
    'where it rises, that shows late or not at all.'
)


def curve_section(runs: Runs) -> Section | None:
    """One figure for each training that a test belongs to; None without any."""
    trained: dict[str, Training] = {}
    for test in runs.tests:
        if test.training and any(curves(test.training).values()):
            trained.setdefault(test.model, test.training)
    if not trained:
        return None
    figures = tuple(
        _curve_figure(i, model, each) for i, (model, each) in enumerate(trained.items(), 1)
    )
    text = ('Scores and losses on the validation split and the training loss over all epochs.',)
    return Section('curves', 'Training curves (Figure 7)', text, figures)


def curves(training: Training) -> dict[str, dict[int, float]]:
    """Value of each shown scalar by epoch; of an epoch that ran twice, the later one."""
    found: dict[str, dict[int, float]] = {key: {} for panel in PANELS.values() for key in panel}
    for line in training.curves:
        if 'iter' not in line:  # those of training steps have it
            for key in found.keys() & line.keys():
                found[key][int(line['step'])] = float(line[key])
    return {key: dict(sorted(values.items())) for key, values in found.items()}


def is_running_mean(training: Training) -> bool:
    """Whether a run logged its validation loss as mmengine does unless it is told otherwise.

    The config that mmengine keeps beside the curves has no ``mean_pattern`` then.
    """
    for curves_file in training.work_dir.glob(f'*/{CURVES}'):
        config = curves_file.with_name('config.py')
        if (
            config.is_file()
            and '"val_loss"' in curves_file.read_text(encoding='utf-8')
            and 'mean_pattern' not in config.read_text(encoding='utf-8')
        ):
            return True
    return False


def _curve_figure(number: int, model: str, training: Training) -> Figure:
    found = curves(training)
    name, title = f'figure7_{number}', f'{model}: validation and training over all epochs'
    last = {key: list(values.values())[-1] for key, values in found.items() if values}
    epochs = max(max(values) for values in found.values() if values)
    alt = f'{epochs} epochs; at the end ' + ', '.join(f'{k} {v:.4g}' for k, v in last.items())
    caption = f'Trained on {training.dataset}. Not a medical device.'
    if is_running_mean(training):
        caption += f' {RUNNING_MEAN}'
    with canvas(name, (8.4, 3.2)) as drawn:
        axes = drawn.subplots(1, len(PANELS))
        for axis, (unit, labels) in zip(axes, PANELS.items(), strict=True):
            _curve_drawer(unit, labels, found)(axis)
        return to_figure(drawn, name, title, caption, alt)


def _curve_drawer(
    unit: str, labels: Mapping[str, str], found: Mapping[str, Mapping[int, float]]
) -> Callable[[Axes], None]:
    def draw(axis: Axes) -> None:
        for index, (key, label) in enumerate(labels.items()):
            if values := found[key]:
                style: dict[str, Any] = {'color': COLOURS[index], 'linestyle': LINES[index]}
                mark = '.' if len(values) < 3 else ''
                axis.plot(list(values), list(values.values()), label=label, marker=mark, **style)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlabel('epoch')
        axis.set_ylabel(unit)
        if axis.lines:
            axis.legend()

    return draw
