"""Curve section (Figure 7 of the thesis): validation scores and losses over epochs."""

from mmseg_mammo.io.run_folder import CURVES
from mmseg_mammo.reporting.document import Section
from mmseg_mammo.reporting.run_reader import Training
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.visualization.curves import by_epoch, draw_curves
from mmseg_mammo.visualization.plots import Figure, canvas, to_figure

RUNNING_MEAN = (
    'The validation loss is a running mean of up to ten validations, as older versions logged it: '
    'where it rises, that shows late or not at all.'
)


def curve_section(runs: Runs) -> Section | None:
    """One figure for each training that a test belongs to; None without any."""
    trained: dict[str, Training] = {}
    for test in runs.tests:
        if test.training and any(by_epoch(test.training.curves).values()):
            trained.setdefault(test.model, test.training)
    if not trained:
        return None
    figures = tuple(
        _curve_figure(i, model, each) for i, (model, each) in enumerate(trained.items(), 1)
    )
    text = ('Scores and losses on the validation split and the training loss over all epochs.',)
    return Section('curves', 'Training curves (Figure 7)', text, figures)


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
    found = by_epoch(training.curves)
    name, title = f'figure7_{number}', f'{model}: validation and training over all epochs'
    last = {key: list(values.values())[-1] for key, values in found.items() if values}
    epochs = max(max(values) for values in found.values() if values)
    alt = f'{epochs} epochs; at the end ' + ', '.join(f'{k} {v:.4g}' for k, v in last.items())
    caption = f'Trained on {training.dataset}. Not a medical device.'
    if is_running_mean(training):
        caption += f' {RUNNING_MEAN}'
    with canvas(name, (8.4, 3.2)) as drawn:
        draw_curves(drawn, found)
        return to_figure(drawn, name, title, caption, alt)
