"""SAM's image encoder (Kirillov et al., ICCV 2023, arXiv:2304.02643) with exact flash attention.

Shape shorthand: B images or windows, h×w patches of one of them, n heads of width d, C = n·d.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import Attention, get_rel_pos
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_mammo.errors import MammoError

PATCH = 16
ARCHS: dict[str, dict[str, Any]] = {
    'base': dict(embed_dim=768, depth=12, num_heads=12, global_attn_indexes=(2, 5, 8, 11)),
    'large': dict(embed_dim=1024, depth=24, num_heads=16, global_attn_indexes=(5, 11, 17, 23)),
    'huge': dict(embed_dim=1280, depth=32, num_heads=16, global_attn_indexes=(7, 15, 23, 31)),
}
_SHARED: dict[str, Any] = dict(window_size=14, out_chans=256)


def attend(q: Tensor, k: Tensor, v: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Softmax attention with SAM's decomposed relative position, by one flash kernel.

    The score of query i and key j is ``q_i·k_j / √d + q_i·rows[y_i, y_j] + q_i·columns[x_i, x_j]``
    (Li et al., MViTv2, 2022, section 4.1). Both additions are inner products of something known
    of the query with a one-hot code of the key's row or column. So queries and keys grow by h + w
    channels, values by as many zeros, and no h·w × h·w matrix is ever stored.

    Args:
        q: B×n×(h·w)×d queries, not scaled.
        k: B×n×(h·w)×d keys.
        v: B×n×(h·w)×d values.
        rows: h×h×d embedding of each pair of rows (query, key).
        columns: w×w×d, the same of columns.

    Returns:
        B×n×(h·w)×d.
    """
    height, width, depth = len(rows), len(columns), q.shape[-1]
    grid = q.unflatten(2, (height, width))
    by_row = torch.einsum('bnhwc,hkc->bnhwk', grid, rows).flatten(2, 3)
    by_column = torch.einsum('bnhwc,wkc->bnhwk', grid, columns).flatten(2, 3)
    row_code = torch.eye(height, device=q.device).to(q.dtype).repeat_interleave(width, 0)
    column_code = torch.eye(width, device=q.device).to(q.dtype).repeat(height, 1)
    code = torch.cat([row_code, column_code], dim=1).expand(*k.shape[:2], -1, -1)
    queries = torch.cat([q * depth**-0.5, by_row.to(q), by_column.to(q)], dim=-1)
    keys = torch.cat([k, code], dim=-1)
    surplus = -queries.shape[-1] % 8  # the kernels want a multiple of 8
    queries, keys = F.pad(queries, (0, surplus)), F.pad(keys, (0, surplus))
    values = F.pad(v, (0, queries.shape[-1] - depth))
    return F.scaled_dot_product_attention(queries, keys, values, scale=1.0)[..., :depth]


class FlashAttention(Attention):
    """segment-anything's attention with relative position, through :func:`attend`."""

    def forward(self, x: Tensor) -> Tensor:
        """B×h×w×C -> B×h×w×C."""
        height, width = x.shape[1:3]
        q, k, v = self.qkv(x).flatten(1, 2).unflatten(2, (3, self.num_heads, -1)).unbind(2)
        rows = get_rel_pos(height, height, self.rel_pos_h)
        columns = get_rel_pos(width, width, self.rel_pos_w)
        mixed = attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), rows, columns)
        return self.proj(mixed.transpose(1, 2).flatten(2).unflatten(1, (height, width)))


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

    Raises:
        MammoError: A value is not among the above.
    """

    def __init__(
        self,
        *,
        arch: str | dict[str, Any] = 'large',
        img_size: int = 1024,
        checkpointing: bool = False,
    ) -> None:
        if isinstance(arch, str) and arch not in ARCHS:
            raise MammoError(f'arch={arch!r} of SAMImageEncoder', f'{", ".join(ARCHS)}, or a dict')
        if img_size < PATCH or img_size % PATCH:
            raise MammoError(f'img_size={img_size} of SAMImageEncoder', f'a multiple of {PATCH}')
        settings = {**_SHARED, **(ARCHS[arch] if isinstance(arch, str) else arch)}
        norm = partial(nn.LayerNorm, eps=1e-6)
        super().__init__(img_size, PATCH, norm_layer=norm, use_rel_pos=True, **settings)
        self.out_chans: int = settings['out_chans']
        self.checkpointing = checkpointing
        for block in self.blocks:
            block.attn.__class__ = FlashAttention  # its parameters are made once, and stay

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
