"""Epoch progress: mean training loss, the next validation, and the time left."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.runner import IterBasedTrainLoop


class EpochLoss:
    """Mean training loss over all images of an epoch and all processes, as the steps saw them."""

    def __init__(self) -> None:
        self._sum: Any = 0.0
        self._images = 0

    def add(self, data_batch: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        """Add a step; its loss stays on its device, so that nothing waits for a GPU."""
        images = len(data_batch['inputs'])
        self._sum = self._sum + outputs['loss'].detach().double() * images
        self._images += images

    def mean(self) -> float:
        """The mean; to be called by every process, after at least one step."""
        total = torch.stack([self._sum, self._sum.new_tensor(self._images)])
        all_reduce(total)
        return float(total[0] / total[1])


def validation_follows(runner: Any) -> bool:
    """Whether the epoch, or step, that is just ending is validated.

    For ``after_train_epoch``; where training counts in steps for ``after_train_iter``.
    """
    loop = runner.train_loop
    by_step = isinstance(loop, IterBasedTrainLoop)
    done, last = (
        (runner.iter + 1, loop.max_iters) if by_step else (runner.epoch + 1, loop.max_epochs)
    )
    return (
        runner.val_loop is not None
        and done >= loop.val_begin
        and (done % loop.val_interval == 0 or done == last)
    )


class TimeLeft:
    """Estimate of the time left, from the speed since ``done`` of ``total``."""

    def __init__(self, done: int, total: int) -> None:
        self._start, self._done, self._total = time.monotonic(), done, total

    def seconds(self, done: int) -> float:
        """Seconds from ``done`` on; more than at the start."""
        speed = (time.monotonic() - self._start) / (done - self._done)
        return speed * (self._total - done)
