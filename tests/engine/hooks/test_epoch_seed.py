"""Every epoch and every process draws its own random numbers, in a real training."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from experiments import shrink
from mmengine.hooks import Hook
from mmengine.runner import Runner
from processes import in_processes

from mmseg_mammo.engine import EpochSeedHook


class Watch(Hook):
    """Keep the inputs of every epoch, image by image."""

    def __init__(self):
        self.seen = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for inputs, sample in zip(data_batch['inputs'], data_batch['data_samples'], strict=True):
            self.seen[runner.epoch, sample.img_path] = inputs.clone()


def watched(cfg):
    cfg.randomness.seed = 5
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    runner, watch = Runner.from_cfg(cfg), Watch()
    runner.register_hook(watch)
    runner.train()
    return runner, watch.seen


def test_the_data_set_is_told_the_epoch_and_augments_anew(prepared, tmp_path):
    runner, seen = watched(shrink('unet_strong_cbis', prepared, tmp_path))
    assert runner.train_dataloader.dataset._state.tolist() == [5, 2]
    paths = {path for _, path in seen}
    assert len(paths) == 4
    for one, other in ((0, 1), (1, 2)):
        assert any(not torch.equal(seen[one, path], seen[other, path]) for path in paths)


def test_data_sets_inside_others_are_told_too(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    member = cfg.train_dataloader.dataset
    inner = dict(type='RepeatDataset', dataset=member, times=1)
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[member, inner])
    runner, _ = watched(cfg)
    one, two = runner.train_dataloader.dataset.datasets
    assert one._state.tolist() == two.dataset._state.tolist() == [5, 2]


def drawn():
    """Two numbers of a process: of the first step of an epoch, and of its repetition."""
    dist.init_process_group('gloo')
    runner, found = SimpleNamespace(seed=5, epoch=1), []
    for _ in range(2):
        EpochSeedHook().before_train_iter(runner, 0)
        found.append(torch.rand(1).item())
    return found


def test_each_process_draws_other_numbers_and_the_same_when_it_is_repeated(free_port):
    (a, again), (b, _) = in_processes(2, free_port, drawn)
    assert a == again != b


def test_every_epoch_draws_other_numbers():
    found = []
    for epoch in (0, 1, 2):
        EpochSeedHook().before_train_iter(SimpleNamespace(seed=5, epoch=epoch), 0)
        found.append((torch.rand(1).item(), np.random.rand(), random.random()))
    assert all(len(set(numbers)) == 3 for numbers in zip(*found, strict=True))


class Scatter(Hook):
    """An operation without a deterministic implementation, on CPUs and GPUs."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        torch.zeros(2).put_(torch.tensor([0]), torch.ones(1))


@pytest.fixture
def undeterministic():
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


@pytest.mark.usefixtures('undeterministic')
def test_a_deterministic_training_warns_of_what_is_not_and_ends(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    cfg.randomness.deterministic = True
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Scatter())
    with pytest.warns(UserWarning, match='put_.*deterministic'):
        runner.train()
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.deterministic
