"""Epoch seed hook: derives random numbers from the seed, the epoch and the image."""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.datasets.description import members


def is_deterministic(runner: Any) -> bool:
    """Whether the config asks for deterministic mode; mmengine's ``FlexibleRunner`` cannot tell."""
    return bool(runner.cfg.get('randomness', {}).get('deterministic'))


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed every epoch, so that a resumed training draws what an uninterrupted one draws.

    The process's generators (dropout) are seeded by seed, epoch and rank; a data set with
    ``set_epoch`` (``MammographyDataset``) seeds the augmentation of each image by itself, which
    makes it independent of the number of workers and processes. mmengine seeds the workers
    once when they start: started anew every epoch, they repeat the same augmentation.

    With ``randomness=dict(deterministic=True)``, an operation that has no deterministic
    implementation warns instead of ending the run.
    """

    def before_run(self, runner: Any) -> None:
        """Let the deterministic mode warn."""
        if is_deterministic(runner):
            torch.use_deterministic_algorithms(True, warn_only=True)

    def before_train_epoch(self, runner: Any) -> None:
        """Tell the data set, before its loader starts to work."""
        for member in members(runner.train_dataloader.dataset):
            if hasattr(member, 'set_epoch'):
                member.set_epoch(runner.seed, runner.epoch)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed the process at the first step: a loader draws a number whenever it starts workers."""
        if batch_idx == 0:
            sequence = np.random.SeedSequence([runner.seed, runner.epoch, get_rank()])
            seed = int(sequence.generate_state(1)[0])
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
