"""Buffer-sync hook: averages buffers, of the model and of its EMA, over all processes."""

from typing import Any

from mmengine.dist import all_reduce_params
from mmengine.hooks import EMAHook, Hook
from mmseg.registry import HOOKS


@HOOKS.register_module()
class SyncAllBuffersHook(Hook):
    """Average the buffers, such as batch norm's, over all processes before they are used.

    mmengine's ``SyncBuffersHook`` leaves out those of ``EMAHook``'s copy, which is what is
    validated and saved where weights are averaged.
    """

    priority = 'HIGH'  # before EMAHook exchanges the copy and the model

    def after_train_epoch(self, runner: Any) -> None:
        """Average before a checkpoint is saved."""
        self._average(runner)

    def before_val_epoch(self, runner: Any) -> None:
        """Average before a validation, which does not always follow the end of an epoch."""
        self._average(runner)

    def _average(self, runner: Any) -> None:
        copies = [hook.ema_model.module for hook in runner.hooks if isinstance(hook, EMAHook)]
        buffers = [buffer for model in (runner.model, *copies) for buffer in model.buffers()]
        all_reduce_params(buffers, op='mean')
