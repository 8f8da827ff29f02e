"""Speed hook: channels-last layout, TF32 and compilation of a model that is trained."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmseg.registry import HOOKS
from torch import nn

from mmseg_mammo.models.peft.trainable import unwrapped

# The parts of a segmentor that are compiled, each by itself: its loss handles lists of samples.
PARTS = ('backbone', 'decode_head', 'image_encoder')


@HOOKS.register_module()
class SpeedHook(Hook):
    """Train faster, with results that differ in rounding. Everything is off by default.

    Args:
        channels_last: Whether weights of convolutions lie in memory as GPUs want them. Inputs
            follow. For U-Net and decode heads, above all under mixed precision.
        tf32: Whether GPUs multiply float32 matrices with the 10 bits of TF32.
        compile: Whether ``torch.compile`` compiles backbone, decode head and image encoder; a dict
            has its arguments, such as ``dict(mode='max-autotune')``. A part that cannot be compiled
            is computed as before, and one warning says why. Its first step takes minutes.
    """

    def __init__(
        self,
        *,
        channels_last: bool = False,
        tf32: bool = False,
        compile: bool | dict[str, Any] = False,
    ) -> None:
        self.channels_last = channels_last
        self.tf32 = tf32
        self.compile = compile

    def before_train(self, runner: Any) -> None:
        """Prepare the model, which has its weights by now."""
        model = unwrapped(runner.model)
        if self.channels_last:
            model.to(memory_format=torch.channels_last)
        if self.tf32:
            torch.set_float32_matmul_precision('high')
            torch.backends.cudnn.allow_tf32 = True
        if self.compile is not False:
            settings = {} if self.compile is True else self.compile
            for name in PARTS:
                part = getattr(model, name, None)
                if part is not None:
                    part.forward = compiled(part, name, settings)

    def after_train(self, runner: Any) -> None:
        """Take the compiled passes out: a copy of the model would compute with the original's weights."""
        model = unwrapped(runner.model)
        for name in PARTS:
            part = getattr(model, name, None)
            if part is not None:
                vars(part).pop('forward', None)


def compiled(part: nn.Module, name: str, settings: dict[str, Any]) -> Callable[..., Any]:
    """The forward pass of ``part``, compiled; from the first failure on as it was, with one warning.

    Args:
        part: A module.
        name: For the warning.
        settings: Arguments of ``torch.compile``.
    """
    plain = part.forward
    fast: Callable[..., Any] | None = None

    def give_up(error: Exception) -> None:
        nonlocal fast
        fast = None
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = ' '.join(lines[:2]) or type(error).__name__  # Dynamo's, and the compiler's
        text = f'{name} is not compiled, and is computed as without compile: {reason}'
        print_log(text, 'current', logging.WARNING)

    def forward(*given: Any, **named: Any) -> Any:
        if fast is None:
            return plain(*given, **named)
        try:
            return fast(*given, **named)
        except Exception as error:  # noqa: BLE001 - compilers fail in many ways
            found = plain(*given, **named)  # an error of the model's own is raised here
            give_up(error)
            return found

    try:
        fast = torch.compile(plain, **settings)
    except Exception as error:  # noqa: BLE001 - an unknown backend, a Python that it cannot take
        give_up(error)
    return forward
