"""SAM's MLP without the output of its GELU in memory."""

from typing import Any

import torch
import torch.nn.functional as F
from segment_anything.modeling.common import MLPBlock
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mmseg_mammo.models.tracing import is_traced


class LeanMLP(MLPBlock):
    """segment-anything's MLP, whose backward pass makes the output of the GELU again.

    It is as wide as the input of the GELU, which has to be kept, and costs next to nothing beside
    the layers. Where the second layer is frozen, torch keeps neither.
    """

    def forward(self, x: Tensor) -> Tensor:
        """…×C -> …×C."""
        second = self.lin2
        plain = type(second) is nn.Linear and type(self.act) is nn.GELU and not is_traced()
        if not (plain and second.weight.requires_grad and torch.is_grad_enabled()):
            return super().forward(x)
        hidden = self.lin1(x)
        return _GeluLinear.apply(hidden, second.weight.to(hidden), second.bias.to(hidden))


class _GeluLinear(torch.autograd.Function):
    """``linear(gelu(x))``, which keeps x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.linear(F.gelu(x), weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        above = gradient.flatten(0, -2).to(x)  # autocast may have multiplied in less digits
        with torch.enable_grad():
            hidden = x.detach().requires_grad_()
            made = F.gelu(hidden)
        to_weight = above.T @ made.detach().flatten(0, -2)
        (to_x,) = torch.autograd.grad(made, hidden, (above @ weight).view_as(x))
        return to_x, to_weight, above.sum(0)
