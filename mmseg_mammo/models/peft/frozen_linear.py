"""Linear layers whose weights are frozen: what autocast makes of them is made once."""

from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.wrappers import Linear as HostLinear  # nn.Linear, but for torch before 1.5
from torch import Tensor, nn

from mmseg_mammo.models.tracing import is_traced


class FrozenLinear(nn.Linear):
    """A linear layer that keeps its weights in the number format of autocast, too.

    Autocast keeps such copies of trained weights for a step, and makes those of frozen ones anew
    each time that they are used. Results are the same, bit for bit. A copy is made again where
    the weights have changed, and after every change between training and evaluation: no version
    counts what was written through ``.data``.
    """

    _copy: tuple[Any, Tensor, Tensor | None] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """…×C -> …×D."""
        return F.linear(x, *self.ready(x))

    def train(self, mode: bool = True) -> 'FrozenLinear':
        """Follow ``mode``, and forget the copy."""
        self._copy = None
        return super().train(mode)

    def ready(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Weight and bias, in the number format in which autocast would multiply them by ``x``."""
        weight, bias = self.weight, self.bias
        if is_traced() or torch.is_inference_mode_enabled():
            return weight, bias
        tensors = (weight,) if bias is None else (weight, bias)
        if any(tensor.requires_grad for tensor in tensors):
            self._copy = None  # fused optimizers change weights, and their version counts nothing
            return weight, bias
        plain = weight.dtype == torch.float32
        if not plain or weight.is_meta or weight.is_inference():  # these have no data, no version
            return weight, bias
        format_ = autocast_format(x.device.type)
        if format_ is None:
            return weight, bias
        mark = format_, *((t.device, t.data_ptr(), t._version) for t in tensors)
        if self._copy is None or self._copy[0] != mark:
            half = None if bias is None else bias.detach().to(format_)
            self._copy = mark, weight.detach().to(format_), half
        return self._copy[1:]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the copy out of deep copies and pickles."""
        return {**self.__dict__, '_copy': None}


def copy_frozen_once(module: nn.Module) -> None:
    """Make :class:`FrozenLinear` of the linear layers of ``module`` whose weights are frozen."""
    for layer in module.modules():
        if type(layer) in (nn.Linear, HostLinear) and not any(
            p.requires_grad for p in layer.parameters()
        ):
            layer.__class__ = FrozenLinear


def part_of(layer: nn.Linear, x: Tensor, part: slice) -> Tensor:
    """The channels ``part`` of the output of a plain linear layer; no other is computed."""
    weight, bias = layer.ready(x) if isinstance(layer, FrozenLinear) else (layer.weight, layer.bias)
    return F.linear(x, weight[part], None if bias is None else bias[part])


def autocast_format(device: str) -> torch.dtype | None:
    """The number format of autocast on a kind of device; None where it is off."""
    if hasattr(torch, 'get_autocast_dtype'):  # since torch 2.4
        return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    if device == 'cuda':
        return torch.get_autocast_gpu_dtype() if torch.is_autocast_enabled() else None
    return torch.get_autocast_cpu_dtype() if torch.is_autocast_cpu_enabled() else None
