"""A frozen ViT read at several blocks, of the image in several sizes: features for a head alone."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.backbones.vpt_vit import VPTVisionTransformer
from mmseg_mammo.models.peft.trainable import matching


@MODELS.register_module()
class ScaledVisionTransformer(VPTVisionTransformer):
    """``VPTVisionTransformer`` that gives a map of each of several blocks, for each of several sizes.

    Names of weights are the same. Prompts, if there are any, are frozen too. The position embedding
    is resized to each size.

    Args:
        blocks: Number of blocks that are read: evenly spaced, the last one among them.
        scales: Factors of the image's sides; each side becomes a multiple of the patch.
        arch: See ``VPTVisionTransformer``.
        kwargs: Likewise; ``out_indices`` follow from ``blocks``.

    Raises:
        MammoError: There are fewer blocks, or a factor is none, or tokens are asked for.
    """

    def __init__(
        self,
        *,
        blocks: int = 4,
        scales: Sequence[float] = (1.0, 2.0),
        arch: str | dict = 'large',
        **kwargs: Any,
    ) -> None:
        depth = (self.arch_zoo[arch] if isinstance(arch, str) else arch)['num_layers']
        if not 1 <= blocks <= depth or not scales or min(scales) <= 0:
            raise MammoError(
                f'blocks={blocks}, scales={tuple(scales)} of ScaledVisionTransformer',
                f'1 to {depth} blocks, and factors above 0',
            )
        if kwargs.get('out_tokens'):
            raise MammoError(
                'out_tokens of ScaledVisionTransformer', 'False: a presence head has none to read'
            )
        kwargs['out_indices'] = [depth * number // blocks - 1 for number in range(1, blocks + 1)]
        super().__init__(arch=arch, **kwargs)
        self.scales = tuple(scales)

    def tuned_parameters(self) -> set[str]:
        """Names of the parameters that are trained: what ``trainable`` names."""
        return matching(self, self.trainable) if self.trainable else set()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """B×3×H×W images -> B×C×h×w maps, of all blocks of the first size, then of the next."""
        patch = self.side_multiple({'patch_size': self.patch_embed.projection.kernel_size})
        sides = [int(side) for side in x.shape[-2:]]  # tensors, where ONNX is written
        found: list[Tensor] = []
        for scale in self.scales:
            size = [max(round(side * scale / patch), 1) * patch for side in sides]
            image = (
                x if size == sides else F.interpolate(x, size, mode='bilinear', align_corners=False)
            )
            found += super().forward(image)
        return tuple(found)
