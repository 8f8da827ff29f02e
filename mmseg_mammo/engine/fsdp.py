"""FSDP: PyTorch's fully sharded data parallel training, through mmengine's strategy."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.registry import FUNCTIONS
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from mmseg_mammo.models.peft.trainable import count_parameters

# Layers of mmpretrain's ViT and of segment-anything's image encoder.
LAYERS = ('TransformerEncoderLayer', 'Block')


@FUNCTIONS.register_module()
def shard_layers(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """FSDP's ``auto_wrap_policy``: every transformer layer is gathered and freed by itself.

    PyTorch's policy by size would wrap decode heads, whose ``loss`` mmseg calls instead of
    ``forward``, so that FSDP never gathers them.
    """
    return recurse or any(kind.__name__ in LAYERS for kind in type(module).__mro__)


def is_sharded(model: Any) -> bool:
    """Whether each process holds only a part of the parameters of a wrapped model."""
    return isinstance(model, FullyShardedDataParallel)


def count_all(model: Any, part: nn.Module) -> tuple[int, int]:
    """Number of parameters of ``part`` of a wrapped model: (total, trained), in all processes.

    To be called by every process.
    """
    counts = torch.tensor(count_parameters(part))
    if is_sharded(model):
        device = next(model.parameters()).device
        counts = counts.to(device)
        all_reduce(counts)
    total, trained = counts.tolist()
    return total, trained
