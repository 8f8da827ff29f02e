"""SAM's image encoder (Kirillov et al., ICCV 2023, arXiv:2304.02643) with exact attention of less memory.

Shape shorthand: B images of S×S pixels, H×W patches of one of them, n heads of width d, C = n·d.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from mmseg.registry import MODELS
from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import Attention, Block, get_rel_pos
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.sam.attention import attend, check_form
from mmseg_mammo.models.sam.mlp import LeanMLP

PATCH = 16
ARCHS: dict[str, dict[str, Any]] = {
    'base': dict(embed_dim=768, depth=12, num_heads=12, global_attn_indexes=(2, 5, 8, 11)),
    'large': dict(embed_dim=1024, depth=24, num_heads=16, global_attn_indexes=(5, 11, 17, 23)),
    'huge': dict(embed_dim=1280, depth=32, num_heads=16, global_attn_indexes=(7, 15, 23, 31)),
}
_SHARED: dict[str, Any] = dict(window_size=14, out_chans=256)


class RelativeAttention(Attention):
    """segment-anything's attention with relative position, through :func:`.attend`.

    It takes the whole picture and knows its windows: what lies beyond the border is known without
    computing it, so that only true patches go through the layers.
    """

    window_size = 0
    form = 'auto'

    def forward(self, x: Tensor) -> Tensor:
        """B×H×W×C -> B×H×W×C."""
        height, width = (self.window_size or length for length in x.shape[1:3])
        shape = (3, self.num_heads, -1)
        qkv = self.qkv(x).unflatten(3, shape)
        if x.shape[1] % height or x.shape[2] % width:
            blank = self.qkv(x.new_zeros(1, x.shape[-1]))[0].unflatten(0, shape)
        else:
            blank = qkv.new_zeros(qkv.shape[3:])
        rows = get_rel_pos(height, height, self.rel_pos_h).to(qkv)
        columns = get_rel_pos(width, width, self.rel_pos_w).to(qkv)
        return self.proj(attend(qkv, blank, rows, columns, self.form).flatten(3))


class WindowBlock(Block):
    """segment-anything's block, whose attention cuts the windows."""

    def forward(self, x: Tensor) -> Tensor:
        """B×H×W×C -> B×H×W×C."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


@MODELS.register_module()
class SAMImageEncoder(ImageEncoderViT):
    """segment-anything's encoder with the same state dict and, but for rounding, output.

    Args:
        arch: ``'base'``, ``'large'``, ``'huge'``, or a dict of ``embed_dim``, ``depth``,
            ``num_heads``, ``global_attn_indexes`` and, other than SAM's 14 and 256,
            ``window_size`` and ``out_chans``.
        img_size: S, side of the square input in pixels; a multiple of 16. Meta's weights are for
            1024; :func:`mmseg_mammo.models.sam.weights.load_sam_weights` resizes positions to
            another.
        checkpointing: Whether training keeps only the input of each block and computes the rest
            again in the backward pass: less memory for about a third more time.
        attention: How attention is computed, a key of :data:`.attention.FORMS`; ``'auto'`` takes
            the fastest that was measured. Results are the same but for rounding.

    Raises:
        MammoError: A value is not among the above.
    """

    def __init__(
        self,
        *,
        arch: str | dict[str, Any] = 'large',
        img_size: int = 1024,
        checkpointing: bool = False,
        attention: str = 'auto',
    ) -> None:
        if isinstance(arch, str) and arch not in ARCHS:
            raise MammoError(f'arch={arch!r} of SAMImageEncoder', f'{", ".join(ARCHS)}, or a dict')
        if img_size < PATCH or img_size % PATCH:
            raise MammoError(f'img_size={img_size} of SAMImageEncoder', f'a multiple of {PATCH}')
        check_form(attention)
        settings = {**_SHARED, **(ARCHS[arch] if isinstance(arch, str) else arch)}
        norm = partial(nn.LayerNorm, eps=1e-6)
        super().__init__(img_size, PATCH, norm_layer=norm, use_rel_pos=True, **settings)
        self.out_chans: int = settings['out_chans']
        self.checkpointing = checkpointing
        for block in self.blocks:  # their parameters are made once, and stay
            block.__class__, block.attn.__class__ = WindowBlock, RelativeAttention
            block.mlp.__class__ = LeanMLP
            block.attn.window_size, block.attn.form = block.window_size, attention

    @staticmethod
    def side_multiple(settings: Mapping[str, Any]) -> int:
        """The side of a patch in pixels, the same for all settings; see :class:`.Pretrained`."""
        return PATCH

    def init_weights(self) -> None:
        """Do nothing: ``SAMSegmentor`` loads all parts; mmpretrain's LoRAModel calls this."""

    def forward(self, x: Tensor) -> Tensor:
        """Encode images.

        Args:
            x: B×3×S×S, normalised.

        Returns:
            B×out_chans×(S/16)×(S/16).

        Raises:
            MammoError: The images have another size.
        """
        if x.shape[-2:] != (self.img_size, self.img_size):
            raise MammoError(
                f'an input of {x.shape[-2]}×{x.shape[-1]} pixels for SAM',
                f'{self.img_size}×{self.img_size}',
                'Give Resize the scale of model.image_encoder.img_size; with keep_ratio=True '
                'also set size and test_cfg.size of the data preprocessor (docs/sam.md)',
            )
        x = self.patch_embed(x) + self.pos_embed
        for block in self.blocks:
            if self.checkpointing and self.training and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.neck(x.permute(0, 3, 1, 2))
