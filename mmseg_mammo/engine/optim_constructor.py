"""Optimiser constructor: keeps weight decay from parameters that no gradient has reached."""

from typing import Any

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import Tensor, nn
from torch.optim import Optimizer


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class KeepUnreachedConstructor(DefaultOptimWrapperConstructor):
    """mmengine's constructor, without decay of elements that no gradient has reached.

    SAM has embeddings and layers for prompts and masks that a training may never use. Their
    gradient is zero rather than missing, so that AdamW's decay alone would shrink what Meta
    trained. From its first gradient on an element is decayed in every step, as usual. A resumed
    training tells which were reached from the state of the optimiser.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimiser wrapper of ``model``."""
        wrapper = super().__call__(model)
        keep_unreached(wrapper.optimizer)
        return wrapper


def keep_unreached(optimizer: Optimizer) -> None:
    """Let the steps of ``optimizer`` leave alone what had a gradient of exactly zero in all of them."""
    unreached: dict[Tensor, Tensor] = {}  # masks, of the parameters that have such elements
    seen: set[Tensor] = set()
    before: dict[Tensor, Tensor] = {}

    def remember(*_: Any) -> None:
        for parameter in _decayed_parameters(optimizer):
            if parameter in seen and parameter not in unreached:
                continue
            seen.add(parameter)
            mask = unreached.pop(parameter, None)
            if mask is None:
                mask = _untouched_elements(parameter, optimizer.state.get(parameter, {}))
            mask &= parameter.grad == 0
            if mask.any():
                unreached[parameter] = mask
                before[parameter] = parameter.detach().clone()

    def restore(*_: Any) -> None:
        for parameter, values in before.items():
            mask = unreached[parameter]
            parameter.detach().copy_(torch.where(mask, values, parameter.detach()))
            for state in _moments(parameter, optimizer.state[parameter]):
                state.masked_fill_(mask, 0)  # also of optimisers that add the decay to gradients
        before.clear()

    optimizer.register_step_pre_hook(remember)
    optimizer.register_step_post_hook(restore)


def _decayed_parameters(optimizer: Optimizer) -> list[Tensor]:
    groups = [group for group in optimizer.param_groups if group.get('weight_decay')]
    return [p for group in groups for p in group['params'] if p.grad is not None]


def _untouched_elements(parameter: Tensor, state: dict[str, Any]) -> Tensor:
    mask = torch.ones_like(parameter, dtype=torch.bool)
    for moment in _moments(parameter, state):
        mask &= moment == 0
    return mask


def _moments(parameter: Tensor, state: dict[str, Any]) -> list[Tensor]:
    """What the optimiser remembers of each element of a parameter."""
    tensors = [value for value in state.values() if isinstance(value, Tensor)]
    return [value for value in tensors if value.shape == parameter.shape]
