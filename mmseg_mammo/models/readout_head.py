"""Read-out head: a small decoder on many maps of a frozen encoder."""

from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ReadoutHead(BaseDecodeHead):
    """Logits from feature maps of several blocks and sizes of an encoder that is not trained.

    Each map is normalised (layer norm) and projected to ``channels``, all are brought to the finest
    grid and mixed per pixel (an MLP); then it is upsampled twice by two, each time with a 3×3
    convolution. What frozen features can give is read here, so that tunings that change them are
    measured by more than a straw man.

    Args:
        in_channels: C of each map.
        channels: Of the head.
        kwargs: See mmseg's ``BaseDecodeHead``; ``in_index`` names the maps.
    """

    def __init__(self, *, in_channels: list[int], channels: int, **kwargs: Any) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            input_transform='multiple_select',
            **kwargs,
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in in_channels)
        self.reads = nn.ModuleList(nn.Linear(width, channels) for width in in_channels)
        settings = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        self.mix = ConvModule(channels * len(in_channels), channels, 1, **settings)
        self.refine = nn.ModuleList(
            ConvModule(channels, channels, 3, padding=1, **settings) for _ in range(2)
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """B×C×h×w maps -> B×classes×4h×4w logits, of the finest h and w."""
        maps = self._transform_inputs(inputs)
        finest = max((each.shape[-2:] for each in maps), key=lambda size: size[0] * size[1])
        read = []
        for each, norm, project in zip(maps, self.norms, self.reads, strict=True):
            tokens = F.gelu(project(norm(each.permute(0, 2, 3, 1)))).permute(0, 3, 1, 2)
            read.append(self._resize(tokens, finest))
        mixed = self.mix(torch.cat(read, dim=1))
        for convolve in self.refine:
            height, width = mixed.shape[-2:]
            mixed = convolve(self._resize(mixed, (2 * height, 2 * width)))
        return self.cls_seg(mixed)

    def _resize(self, maps: Tensor, size: Any) -> Tensor:
        if maps.shape[-2:] == tuple(size):
            return maps
        return F.interpolate(maps, size, mode='bilinear', align_corners=self.align_corners)
