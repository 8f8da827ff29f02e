"""The loss of an epoch, and how long the rest takes."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import IterBasedTrainLoop

from mmseg_mammo.engine.epoch_progress import EpochLoss, TimeLeft, validation_follows
from mmseg_mammo.io.shipped import find_config


def test_each_image_counts_once_in_the_loss_of_an_epoch():
    loss = EpochLoss()
    loss.add({'inputs': [0, 0, 0]}, {'loss': torch.tensor(1.0)})
    loss.add({'inputs': [0]}, {'loss': torch.tensor(5.0)})
    assert loss.mean() == 2.0


def test_the_time_left_is_that_of_the_epochs_since_the_start(monkeypatch):
    """Resumed after epoch 4 of 10; two epochs took 30 seconds."""
    now = iter([100.0, 130.0])
    monkeypatch.setattr('time.monotonic', lambda: next(now))
    assert TimeLeft(4, 10).seconds(6) == pytest.approx(60)


@pytest.mark.parametrize('steps', [5, 20, 120, 480, 3000])
def test_averaged_weights_lag_by_a_ninth_of_the_training_and_at_most_a_hundred_steps(steps):
    """A weight that grows by one each step; the constant momentum of before lags 63 of 120 steps."""
    settings = {**Config.fromfile(find_config('unet_strong_cbis')).default_hooks.ema}
    settings['type'] = settings.pop('ema_type')
    weight = torch.nn.Linear(1, 1, bias=False).requires_grad_(False)
    average = MODELS.build(settings, default_args=dict(model=weight))
    for step in range(1, steps + 1):
        weight.weight.fill_(step)
        average.update_parameters(weight)
    lag = steps - average.module.weight.item()
    assert lag <= min(steps / 9 + 1, 101)
    assert lag >= min(steps / 20, 90)


@pytest.mark.parametrize(('done', 'follows'), [(1, False), (2, True), (3, False), (5, True)])
def test_validations_of_a_training_in_steps(done, follows):
    loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    loop.val_begin, loop.val_interval, loop._max_iters = 1, 2, 5
    runner = SimpleNamespace(train_loop=loop, val_loop=True, iter=done - 1, epoch=0)
    assert validation_follows(runner) == follows
    runner.val_loop = None
    assert not validation_follows(runner)
