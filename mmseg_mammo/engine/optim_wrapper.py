"""Optimiser wrapper: mixed precision in bfloat16, on GPUs and CPUs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Run the forward pass of training in bfloat16; weights and gradients stay float32.

    bfloat16 has the range of float32, so that no loss scaling is needed. mmengine's
    ``AmpOptimWrapper`` refuses CPUs. Validation and tests are computed in float32.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast on the device of ``model``, with gradient accumulation as in mmengine."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
