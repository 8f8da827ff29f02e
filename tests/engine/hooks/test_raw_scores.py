"""Scores of the raw weights beside those of their average."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.structures import BaseDataElement
from torch import nn

from mmseg_mammo.engine import RawScoresHook


class Model(nn.Module):
    """Predicts its one weight for each sample, and writes it there, as mmseg does."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def val_step(self, data):
        assert not self.training
        for sample in data['data_samples']:
            sample.set_field(float(self.weight.detach()), 'found')
        return data['data_samples']


class Evaluator:
    """The mean of what was predicted."""

    def __init__(self):
        self.found = []

    def process(self, data_samples, data_batch):
        self.found += [sample.found for sample in data_samples]

    def evaluate(self, size):
        assert len(self.found) == size
        mean, self.found = sum(self.found) / size, []
        return {'lesion_dice': mean, 'dice': -mean}


@pytest.fixture
def runner():
    average = EMAHook()
    average.ema_model = SimpleNamespace(module=Model(3.0).train())
    return SimpleNamespace(
        hooks=[average],
        val_loop=object(),
        val_evaluator=Evaluator(),
        val_dataloader=SimpleNamespace(dataset=range(4)),
        logger=logging.getLogger('test'),
    )


def validate(hook, runner, model):
    """One validation of four images as mmengine's loop does it; the scores."""
    hook.before_val_epoch(runner)
    samples = []
    for index in range(2):
        batch = {'inputs': None, 'data_samples': [BaseDataElement() for _ in range(2)]}
        outputs = model.eval().val_step(batch)
        runner.val_evaluator.process(outputs, batch)
        hook.after_val_iter(runner, index, batch, outputs)
        samples += outputs
    scores = runner.val_evaluator.evaluate(4)
    hook.after_val_epoch(runner, scores)
    assert [sample.found for sample in samples] == [1.0] * 4  # others still look at them
    return scores


@pytest.mark.parametrize(
    ('options', 'raw'),
    [
        ({}, {'raw_lesion_dice': 3}),
        ({'scores': ['dice', 'absent']}, {'raw_dice': -3}),
        ({'scores': []}, {}),
    ],
)
def test_the_scores_of_the_copy_join_those_of_the_model(options, raw, runner):
    hook = RawScoresHook(**options)
    hook.before_train(runner)
    for _ in range(2):  # nothing is left of the validation before
        scores = validate(hook, runner, Model(1.0))
        assert scores == {'lesion_dice': 1, 'dice': -1, **raw}


def test_there_is_nothing_raw_outside_of_a_training(runner):
    hook = RawScoresHook()
    plain = {'lesion_dice': 1, 'dice': -1}
    assert validate(hook, runner, Model(1.0)) == plain
    hook.before_train(runner)
    hook.after_train(runner)
    assert validate(hook, runner, Model(1.0)) == plain


@pytest.mark.parametrize('lacking', ['hooks', 'val_loop'])
def test_there_is_nothing_raw_without_an_average_or_a_validation(lacking, runner):
    setattr(runner, lacking, [] if lacking == 'hooks' else None)
    hook = RawScoresHook()
    hook.before_train(runner)
    assert validate(hook, runner, Model(1.0)) == {'lesion_dice': 1, 'dice': -1}


def test_it_comes_before_the_hooks_that_note_scores():
    assert RawScoresHook.priority == 'HIGHEST'
