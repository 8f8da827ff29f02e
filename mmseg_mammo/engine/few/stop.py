"""Stop hook: ends a training after a number of steps, in the middle of its schedule."""

from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS


@HOOKS.register_module()
class StopAtStepHook(Hook):
    """End a training by steps after ``steps``, at the rates of the whole schedule.

    Args:
        steps: 1 or more; ``max_iters`` of the training is the length of the schedule.
    """

    def __init__(self, *, steps: int) -> None:
        if steps < 1:
            raise ValueError(f'steps={steps}: at least 1 is allowed')
        self.steps = steps

    def before_train(self, runner: Any) -> None:
        """Stop at once what had ended before it was resumed."""
        if runner.iter >= self.steps:
            runner.train_loop.stop_training = True

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End the training with this step; its checkpoint is written as of any other step."""
        if runner.iter + 1 >= self.steps:
            runner.train_loop.stop_training = True
