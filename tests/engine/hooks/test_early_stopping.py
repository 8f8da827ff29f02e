"""The two rules of the thesis's recipe, epoch by epoch."""

import logging
from types import SimpleNamespace

import pytest
import torch
from experiments import CONFIGS, shrink
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmseg.registry import HOOKS, PARAM_SCHEDULERS


def thesis():
    return Config.fromfile(CONFIGS / 'unet_cbis.py')


def rates(losses):
    """The rate of each epoch under the configured rule, if validation gives these losses."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    (settings,) = thesis().param_scheduler
    scheduler = PARAM_SCHEDULERS.build({**settings, 'optimizer': optimizer})
    found = []
    for loss in losses:
        found.append(optimizer.param_groups[0]['lr'])
        scheduler.step()  # after the training epoch
        scheduler.step({'val_loss': loss})  # after its validation
    return found


def test_the_rate_falls_to_a_tenth_after_25_epochs_without_a_better_validation_loss():
    """Best in epoch 1, none better in epochs 2 to 26: epoch 27 is the first at a tenth."""
    found = rates([0.5] * 60)
    assert found[:26] == [1.0] * 26
    assert found[26:51] == pytest.approx([0.1] * 25)
    assert found[51:] == pytest.approx([0.01] * 9)


def test_any_improvement_starts_the_count_again():
    losses = [0.5] * 25 + [0.5 - 1e-9] + [0.5] * 25
    assert rates(losses) == [1.0] * 51


class Stage:
    """The parts of a runner that the hook touches, with mmengine's own message hub."""

    def __init__(self, patience):
        self.message_hub = MessageHub(f'stage{id(self)}')
        self.logger = logging.getLogger('stage')
        self.train_loop = SimpleNamespace(stop_training=False)
        self.epoch = 0
        self.curve = []
        self.visualizer = SimpleNamespace(
            add_scalar=lambda name, value, step: self.curve.append((name, value, step))
        )
        self.hook = HOOKS.build(dict(type='EarlyStopOnTrainingLossHook', patience=patience))

    def run(self, *epochs):
        """Run epochs, each a list of (loss, images) per step, until told to stop."""
        self.hook.before_train(self)
        for number, steps in enumerate(epochs):
            if self.train_loop.stop_training:
                return number
            self.hook.before_train_epoch(self)
            for index, (loss, images) in enumerate(steps):
                batch, outputs = {'inputs': [None] * images}, {'loss': torch.tensor(loss)}
                self.hook.after_train_iter(self, index, batch, outputs)
            self.hook.after_train_epoch(self)
            self.epoch += 1
        return len(epochs)


def constant(*losses):
    return [[(loss, 2)] for loss in losses]


def test_the_loss_of_an_epoch_is_a_mean_over_images():
    """(1·2 + 4·1) / 3."""
    stage = Stage(3)
    stage.run([(1.0, 2), (4.0, 1)])
    assert stage.curve == [('epoch_loss', pytest.approx(2), 1)]


def test_training_stops_after_the_patience_and_equal_is_not_better():
    assert Stage(3).run(*constant(1, 1, 1, 1, 1, 1)) == 4
    assert Stage(3).run(*constant(1, 2, 3, 1 - 1e-6, 2, 3, 4, 5)) == 7


def test_a_loss_that_is_not_a_number_is_no_improvement():
    assert Stage(2).run(*constant(float('nan'), float('nan'), 0.1)) == 2


def test_the_count_goes_on_after_a_resume_and_a_stopped_training_stays_stopped():
    first, second = Stage(3), Stage(3)
    assert first.run(*constant(1, 2)) == 2
    second.message_hub.load_state_dict(first.message_hub.state_dict())
    assert second.run(*constant(3, 4, 5, 6)) == 2
    third = Stage(3)
    third.message_hub.load_state_dict(second.message_hub.state_dict())
    assert third.run(*constant(0.1)) == 0


class Kill(Hook):
    """End a training in the middle of its third epoch."""

    def after_train_iter(self, runner, *parts, **more):
        if runner.epoch == 2:
            raise KeyboardInterrupt


def standstill(data, work_dir):
    """A training whose loss is the same in every epoch, with a patience of three."""
    cfg = shrink('unet_cbis', data, work_dir, epochs=9)
    cfg.optim_wrapper.optimizer.update(lr=0.0, weight_decay=0.0)
    cfg.model.decode_head.dropout_ratio = 0
    cfg.train_dataloader.sampler.shuffle = False
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint.save_best = None
    cfg.default_hooks.early_stop.patience = 3
    return cfg


def test_a_training_stops_in_the_same_epoch_if_it_was_killed_before(prepared, tmp_path):
    """Best in the first epoch, three without a better one; the second epoch was saved."""
    runner = Runner.from_cfg(standstill(prepared, tmp_path))
    runner.register_hook(Kill())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    for _ in range(2):  # a training that has stopped stays so
        cfg = standstill(prepared, tmp_path)
        cfg.resume = True
        runner = Runner.from_cfg(cfg)
        runner.train()
        assert runner.epoch == 4
        assert runner.train_loop.stop_training
        assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_4.pth']


def test_the_thesis_waits_for_40_epochs():
    hook = thesis().default_hooks.early_stop
    assert hook == dict(type='EarlyStopOnTrainingLossHook', patience=40)
    with pytest.raises(ValueError, match='at least 1'):
        HOOKS.build({**hook, 'patience': 0})
