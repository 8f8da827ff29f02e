"""Start hook: goes on exactly, refuses another start, and leaves the last weights as ``best.pth``."""

import pytest
import torch
from few_tunings import tune, tuning, write_start
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.few.hook import StartHook
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.peft.trainable import count_parameters


class Kill(Hook):
    """End the process in a step."""

    def __init__(self, step):
        self.step = step

    def before_train_iter(self, runner, *parts, **more):
        if runner.iter == self.step:
            raise KeyboardInterrupt


@pytest.fixture(scope='module')
def start(prepared, tmp_path_factory):
    return write_start(tmp_path_factory.mktemp('start'), 'unet_cbis', prepared)


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


def four_steps(start, prepared, work_dir, **more):
    cfg = tuning('unet_full', start, prepared, work_dir, steps=4, **more)
    cfg.default_hooks.checkpoint.interval = 2
    cfg.model.decode_head.dropout_ratio = 0.5
    return cfg


@pytest.mark.parametrize('last', [2, 4])  # before and behind the steps that are not timed
def test_a_killed_training_goes_on_to_the_same_weights(last, start, prepared, tmp_path):
    def steps(work_dir):
        cfg = four_steps(start, prepared, work_dir)
        cfg.train_cfg.max_iters = last + 2
        return cfg

    tune(steps(tmp_path / 'whole'))
    runner = Runner.from_cfg(steps(tmp_path / 'killed'))
    runner.register_hook(Kill(last + 1))
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert not (tmp_path / 'killed' / 'best.pth').exists()
    cfg = steps(tmp_path / 'killed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'killed' / f'iter_{last}.pth')
    tune(cfg)
    one, other = (weights(tmp_path / name / 'best.pth') for name in ('whole', 'killed'))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_best_is_the_last_average(start, prepared, tmp_path):
    runner = tune(four_steps(start, prepared, tmp_path))
    (ema,) = (hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook')
    best = weights(tmp_path / 'best.pth')
    average = ema.ema_model.module.state_dict()
    raw = runner.model.state_dict()
    key = 'decode_head.conv_seg.weight'
    assert torch.equal(best[key], average[key]) != torch.equal(best[key], raw[key])
    last = weights(tmp_path / 'iter_4.pth')
    assert torch.equal(last[key], best[key])


def test_another_start_is_refused_where_it_goes_on(start, prepared, tmp_path):
    tune(four_steps(start, prepared, tmp_path / 'work'))
    other = write_start(tmp_path, 'unet_cbis', prepared, seed=4)
    cfg = four_steps(other, prepared, tmp_path / 'work')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'work' / 'iter_4.pth')
    with pytest.raises(CheckpointError, match='the start that it began with'):
        tune(cfg)


@pytest.mark.parametrize('name', ['unet_bias', 'unet_head', 'setr_vpt', 'setr_head', 'sam_decoder'])
def test_the_trained_parameters_alone_are_completed_by_the_start(name, prepared, tmp_path):
    kinds = {'unet': 'unet_cbis', 'setr': 'setr_pup_vpt_cbis', 'sam': 'sam_finetune_cbis'}
    start = write_start(tmp_path / 'start', kinds[name.partition('_')[0]], prepared)
    for only in (False, True):
        cfg = tuning(name, start, prepared, tmp_path / str(only))
        cfg.default_hooks.checkpoint.save_trained_only = only
        runner = tune(cfg)
    small, whole = tmp_path / 'True' / 'best.pth', tmp_path / 'False' / 'best.pth'
    assert weights(small).keys() < weights(whole).keys()
    _, trained = count_parameters(runner.model)
    held = sum(
        v.numel() for n, v in weights(small).items() if n in dict(runner.model.named_parameters())
    )
    assert held == trained
    one, other = (load_model(None, path).state_dict() for path in (small, whole))
    assert all(torch.equal(one[key], other[key]) for key in one)
    start.rename(tmp_path / 'elsewhere.pth')
    with pytest.raises(CheckpointError, match='--base FILE'):
        load_model(None, small)


def test_what_differs_without_being_new_is_left_to_the_guard():
    hook = StartHook(new=[r'^decode_head\.'], replaced=[r'^old\.'])
    value = torch.zeros(2)
    assert hook._lacks({'decode_head.a': value}, 'decode_head.a', value)
    assert hook._lacks({'backbone.prompts': torch.zeros(3)}, 'backbone.prompts', value)
    assert not hook._lacks({'backbone.prompts': value}, 'backbone.prompts', value)
