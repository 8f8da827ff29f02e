"""A study as a table and a picture."""

import csv

import matplotlib as mpl
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from mmseg_mammo.io.image import read_picture
from mmseg_mammo.studies import results
from mmseg_mammo.studies.results import draw, write_results
from mmseg_mammo.visualization.plots import COLOURS

DISTRIBUTIONS = {
    'lr': optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
    'batch_size': optuna.distributions.CategoricalDistribution((8, 16, 32)),
}


def trial(state, lr, batch_size, *scores):
    return create_trial(
        state=state,
        value=max(scores) if state == TrialState.COMPLETE else None,
        params={'lr': lr, 'batch_size': batch_size},
        distributions=DISTRIBUTIONS,
        intermediate_values=dict(enumerate(scores, start=1)),
    )


@pytest.fixture
def study():
    made = optuna.create_study(direction='maximize')
    made.add_trial(trial(TrialState.COMPLETE, 1e-2, 32, 10.0, 30.0, 20.0))
    made.add_trial(trial(TrialState.PRUNED, 1e-4, 8, 5.0))
    made.add_trial(trial(TrialState.COMPLETE, 1e-3, 16, 40.0))
    made.add_trial(trial(TrialState.FAIL, 1e-1, 8))
    return made


def test_the_best_validation_of_each_trial_is_in_the_table(study, tmp_path):
    best = write_results(study, tmp_path / 's.log')
    rows = list(csv.DictReader((tmp_path / 's.csv').open()))
    assert [row['lesion_dice'] for row in rows] == ['30.0', '5.0', '40.0', '']
    assert [row['epochs'] for row in rows] == ['3', '1', '1', '0']
    assert [row['state'] for row in rows] == ['COMPLETE', 'PRUNED', 'COMPLETE', 'FAIL']
    assert [row['prompt_length'] for row in rows] == [''] * 4
    assert best == ['optim_wrapper.optimizer.lr=0.001', 'train_dataloader.batch_size=16']
    assert read_picture(tmp_path / 's.png').std() > 0


def test_without_a_completed_trial_there_is_no_best(tmp_path):
    study = optuna.create_study(direction='maximize')
    study.add_trial(trial(TrialState.FAIL, 1e-1, 8))
    assert write_results(study, tmp_path / 's.log') == []


def test_the_picture_is_in_the_style_of_the_project_and_the_same_every_time(
    study, tmp_path, monkeypatch
):
    drawn = []
    canvas = results.canvas

    def spy(*arguments):
        drawn.append(canvas(*arguments))
        return drawn[-1]

    monkeypatch.setattr(results, 'canvas', spy)
    before = dict(mpl.rcParams)
    figures = []
    monkeypatch.setattr(
        mpl.figure.Figure, 'savefig', keep(mpl.figure.Figure.savefig, figures), raising=True
    )
    for name in ('a', 'b'):
        draw(study.trials, tmp_path / f'{name}.png')
    assert (tmp_path / 'a.png').read_bytes() == (tmp_path / 'b.png').read_bytes()
    assert len(drawn) == 2
    assert mpl.rcParams == before
    by_number, by_size, by_rate = figures[0].axes
    complete, pruned = by_number.get_lines()
    assert (complete.get_xdata().tolist(), complete.get_ydata().tolist()) == ([0, 2], [30, 40])
    assert (pruned.get_xdata().tolist(), pruned.get_ydata().tolist()) == ([1], [5])
    assert [line.get_color() for line in (complete, pruned)] == list(COLOURS[:2])
    assert {line.get_linestyle() for line in (complete, pruned)} == {'None'}
    assert [text.get_text() for text in by_size.get_xticklabels()] == ['8', '16', '32']
    assert by_size.get_lines()[0].get_xdata().tolist() == [2, 1]
    assert by_rate.get_xscale() == 'log'


def keep(save, figures):
    def savefig(figure, *arguments, **settings):
        figures.append(figure)
        return save(figure, *arguments, **settings)

    return savefig
