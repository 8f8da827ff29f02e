"""Attention of SAM's mask decoder through torch's scaled-dot-product kernels."""

import torch.nn.functional as F
from segment_anything.modeling.transformer import Attention
from torch import Tensor, nn


class DecoderAttention(Attention):
    """segment-anything's attention; no matrix of all pairs is kept where a kernel is flash."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """B×N×C, B×M×C and B×M×C -> B×N×C."""
        parts = self.q_proj(q), self.k_proj(k), self.v_proj(v)
        heads = [part.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for part in parts]
        mixed = F.scaled_dot_product_attention(*heads)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


def use_kernels(module: nn.Module) -> None:
    """Let every attention of segment-anything's decoder in ``module`` use torch's kernels."""
    for part in module.modules():
        if type(part) is Attention:
            part.__class__ = DecoderAttention
