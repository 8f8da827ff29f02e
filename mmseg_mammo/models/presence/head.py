"""Presence head: whether an image has a lesion at all, from what a backbone made of it.

Shape shorthand: B images, C channels, h×w positions of a feature map, N tokens.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.presence.labels import image_label


@MODELS.register_module()
class PresenceHead(BaseModule):
    """One logit an image: that of a lesion anywhere in it.

    Of each output that it takes, a feature map (B×C×h×w) is pooled to its average and maximum, and
    tokens (B×N×C) to the first, which is the class token, and the mean of the others, the prompts.
    All of it, 2 C numbers an output, passes a layer norm, a hidden layer if there is one, and a
    linear layer. It is trained by cross-entropy on :func:`.image_label`.

    Args:
        in_channels: C of each output that it takes; one number for one.
        in_indices: Which of the backbone's outputs these are: of a U-Net 0 is the bottleneck, of
            :class:`.VPTVisionTransformer` with ``out_tokens`` -1 are the tokens.
        hidden_channels: Width of a hidden layer with GELU; None for no such layer.
        dropout_ratio: Probability of dropping a value before the last layer while training.
        loss_weight: Factor of the loss.
        init_cfg: See mmengine's ``BaseModule``.

    Raises:
        MammoError: There are not as many channels as outputs.
    """

    def __init__(
        self,
        *,
        in_channels: int | Sequence[int],
        in_indices: int | Sequence[int] = 0,
        hidden_channels: int | None = None,
        dropout_ratio: float = 0.0,
        loss_weight: float = 1.0,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels, self.in_indices = (
            (given,) if isinstance(given, int) else tuple(given)
            for given in (in_channels, in_indices)
        )
        if len(self.in_channels) != len(self.in_indices) or not self.in_indices:
            raise MammoError(
                f'PresenceHead: in_channels={self.in_channels}, in_indices={self.in_indices}',
                'a number of channels for each output',
            )
        self.loss_weight = loss_weight
        width = 2 * sum(self.in_channels)
        layers: list[nn.Module] = [nn.LayerNorm(width)]
        if hidden_channels is not None:
            layers += [nn.Linear(width, hidden_channels), nn.GELU()]
        layers += [nn.Dropout(dropout_ratio), nn.Linear(hidden_channels or width, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """B logits, float32.

        Args:
            features: All outputs of the backbone.

        Raises:
            MammoError: One that it takes is not there, or has other channels than it is built for.
        """
        pooled = [
            pool(self._taken(features, index, channels))
            for index, channels in zip(self.in_indices, self.in_channels, strict=True)
        ]
        return self.layers(torch.cat(pooled, dim=1))[:, 0].float()

    def loss(
        self, features: Sequence[Tensor], data_samples: Sequence[SegDataSample]
    ) -> dict[str, Tensor]:
        """``loss_presence``, and the accuracy ``acc_presence`` in percent.

        Both are means over the images whose label is known. Without any the loss is 0, and there is
        no accuracy.

        Args:
            features: All outputs of the backbone.
            data_samples: B; see :func:`.image_label`.
        """
        logits = self(features)
        labels = [image_label(sample) for sample in data_samples]
        known = [number for number, label in enumerate(labels) if label is not None]
        if not known:  # of the same graph, so that processes of a training wait for none
            return {'loss_presence': logits.sum() * 0}
        truth = logits.new_tensor([labels[number] for number in known])
        logits = logits[known]
        loss = F.binary_cross_entropy_with_logits(logits, truth)
        right = ((logits > 0) == (truth > 0)).float().mean()
        return {'loss_presence': self.loss_weight * loss, 'acc_presence': 100 * right}

    def _taken(self, features: Sequence[Tensor], index: int, channels: int) -> Tensor:
        if not -len(features) <= index < len(features):
            raise MammoError(
                f'PresenceHead: in_indices has {index}; the backbone has {len(features)} outputs',
                f'0 to {len(features) - 1}, or from the end -1 to {-len(features)}',
            )
        taken = features[index]
        found = taken.shape[1 if taken.ndim == 4 else -1]
        if found != channels:
            raise MammoError(
                f'PresenceHead: in_channels has {channels} for output {index} of the backbone, '
                f'which has {found}',
                remedy=f'Set {found} there in model.presence_head.in_channels',
            )
        return taken


def pool(features: Tensor) -> Tensor:
    """B×2C: average and maximum of a B×C×h×w map; first and mean other of B×N×C tokens.

    Of one token alone it is both.
    """
    if features.ndim == 4:
        flat = features.flatten(2)
        return torch.cat([flat.mean(dim=2), flat.amax(dim=2)], dim=1)
    others = features[:, 1:] if features.shape[1] > 1 else features
    return torch.cat([features[:, 0], others.mean(dim=1)], dim=1)
