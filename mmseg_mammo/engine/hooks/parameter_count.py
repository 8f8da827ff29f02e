"""Parameter-count hook: prints how many parameters are trained."""

from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.engine.fsdp import count_all
from mmseg_mammo.engine.hooks.console import say
from mmseg_mammo.models.peft.trainable import unwrapped


@HOOKS.register_module()
class ParameterCountHook(Hook):
    """Print the number of parameters, total and trained, at the start of every run."""

    def before_run(self, runner: Any) -> None:
        """Log one line for the model and one for each of its parts that has parameters."""
        model = unwrapped(runner.model)
        for name, part in {'': model, **dict(model.named_children())}.items():
            total, trained = count_all(runner.model, part)
            if total:
                place = f' of {name}' if name else ''
                say(runner.logger, f'Parameters{place}: {total:,} total, {trained:,} trained')
