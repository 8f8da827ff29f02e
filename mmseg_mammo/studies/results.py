"""The trials of a study as a table and a picture."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import optuna
from matplotlib.axes import Axes
from optuna.trial import FrozenTrial, TrialState

from mmseg_mammo.evaluation.scalars import MONITOR, best
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.studies.space import as_options
from mmseg_mammo.visualization.plots import canvas, model_style

# State of a trial -> its look among those of models.
_LOOKS = {TrialState.COMPLETE: 0, TrialState.PRUNED: 1}


def write_results(study: optuna.Study, path: Path) -> list[str]:
    """Write the trials as CSV and a picture beside the journal ``path``.

    Returns:
        The best values as ``--cfg-options``, empty if no trial was completed.
    """
    columns = ('number', 'state', MONITOR, 'epochs', 'lr', 'batch_size', 'prompt_length')
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval='')
    table.writeheader()
    for trial in study.trials:
        seen = trial.intermediate_values.values()
        score = best(MONITOR, seen) if seen else ''
        facts = {'number': trial.number, 'state': trial.state.name, MONITOR: score}
        epochs = max(trial.intermediate_values, default=0)
        table.writerow({**facts, 'epochs': epochs, **trial.params})
    write_atomic(path.with_suffix('.csv'), lambda s: s.write(text.getvalue().encode()))
    draw(study.trials, path.with_suffix('.png'))
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        return []
    return as_options(study.best_params)


def draw(trials: Sequence[FrozenTrial], path: Path) -> None:
    """Draw the score of every trial over its number and over each value that was searched.

    Args:
        trials: Of a study.
        path: PNG file to write.
    """
    seen = [trial for trial in trials if trial.intermediate_values]
    names = sorted({name for trial in seen for name in trial.params})
    with canvas('search', (3.4 * (1 + len(names)), 3.2)) as figure:
        axes = figure.subplots(1, 1 + len(names), sharey=True, squeeze=False)[0]
        for state, look in _LOOKS.items():
            those = [trial for trial in seen if trial.state == state]
            scores = [best(MONITOR, trial.intermediate_values.values()) for trial in those]
            style = {**model_style(look), 'linestyle': ''}
            axes[0].plot([t.number for t in those], scores, label=state.name.lower(), **style)
            for axis, name in zip(axes[1:], names, strict=True):
                axis.plot(_places(axis, name, those, seen), scores, **style)
        for axis, name in zip(axes, ['trial', *names], strict=True):
            axis.set_xlabel(name.replace('_', ' '))
            if name == 'lr':
                axis.set_xscale('log')
        axes[0].xaxis.get_major_locator().set_params(integer=True)
        axes[0].set_ylim(0, max(1, axes[0].get_ylim()[1]))  # percent; 1e-8 is nothing
        axes[0].set_ylabel('best lesion Dice on validation, %')
        axes[0].legend()
        stream = io.BytesIO()
        figure.savefig(stream, format='png', metadata={'Software': None})
    write_atomic(path, lambda s: s.write(stream.getvalue()))


def _places(
    axis: Axes, name: str, those: Sequence[FrozenTrial], seen: Sequence[FrozenTrial]
) -> list[float]:
    """Where trials stand on the axis of a hyper-parameter; its ticks are set to the categories."""
    values = [trial.params[name] for trial in those]
    if name == 'lr':
        return values
    # Categories in the order of their values, at even distances.
    choices = sorted({trial.params[name] for trial in seen if name in trial.params})
    axis.set_xticks(range(len(choices)), [str(choice) for choice in choices])
    return [choices.index(value) for value in values]
