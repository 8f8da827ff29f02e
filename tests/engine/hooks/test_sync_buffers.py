"""Processes validate the same model."""

import os

import torch
from experiments import shrink
from mmengine.hooks import Hook
from processes import in_processes

from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.models.peft.trainable import unwrapped


class Watch(Hook):
    """Keep the buffers that are validated."""

    priority = 'LOWEST'

    def before_val_epoch(self, runner):
        model = unwrapped(runner.model)
        self.seen = {name: value.clone().numpy() for name, value in model.named_buffers()}


def validated(name, data, folder):
    """The buffers that a process validates after three epochs."""
    os.chdir(folder)  # mmengine collects results below
    cfg = shrink(name, data, folder, epochs=3)
    cfg.launcher = 'pytorch'
    cfg.train_dataloader.batch_size = 1
    runner, watch = build_runner(cfg, 0), Watch()
    runner.register_hook(watch)
    runner.train()
    return watch.seen


def test_the_averaged_model_has_the_same_running_statistics_in_all_processes(
    prepared, tmp_path, free_port
):
    one, two = in_processes(2, free_port, validated, 'unet_strong_cbis', prepared, tmp_path)
    means = [name for name in one if name.endswith('running_mean')]
    assert len(means) > 10
    assert any(abs(one[name]).max() > 1e-3 for name in means)
    for name, value in one.items():
        assert (value == two[name]).all(), name
    # The checkpoint holds, as its state, the averaged weights that were validated.
    saved = torch.load(tmp_path / 'epoch_3.pth', weights_only=False)['state_dict']
    assert all((saved[name].numpy() == one[name]).all() for name in means)


def test_without_averaged_weights_too(prepared, tmp_path, free_port):
    one, two = in_processes(2, free_port, validated, 'unet_cbis', prepared, tmp_path)
    assert all((value == two[name]).all() for name, value in one.items())
