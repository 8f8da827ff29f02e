"""Encoder-decoder: mmseg's, whose predictions are on the grid of the network's input too."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.flips import mean_over_flips
from mmseg_mammo.models.input_grid import IGNORED, InputGrid, picture_of, widen_truth

Losses = dict[str, Tensor]


@MODELS.register_module()
class InputGridEncoderDecoder(InputGrid, EncoderDecoder):
    """mmseg's ``EncoderDecoder``, whose predictions have ``input_logits`` too.

    Other arguments, weights and everything else are those of ``EncoderDecoder``.

    Args:
        presence_head: Config of :class:`.PresenceHead`, which says whether an image has a lesion at
            all: ``test_output.presence_threshold`` empties the masks of images that have none. It
            is trained whatever else is. None: as ``EncoderDecoder``, to the bit.
        kwargs: ``test_output`` (:class:`.TestOutput`), and what ``EncoderDecoder`` takes.

    Raises:
        MammoError: The head would see parts of an image; or the decode head would get tokens.
    """

    presence_parts = ('presence_head.',)
    can_flip = True

    def __init__(self, *, presence_head: dict[str, Any] | None = None, **kwargs: Any) -> None:
        self.has_presence = presence_head is not None
        super().__init__(**kwargs)
        self.presence_head = MODELS.build(presence_head) if presence_head is not None else None
        self._check_presence()

    def _check_presence(self) -> None:
        backbone = getattr(self.backbone, 'module', self.backbone)  # out of its LoRA
        if self.has_presence and (self.test_cfg or {}).get('mode') == 'slide':
            raise MammoError(
                "model.presence_head beside test_cfg.mode='slide': windows are not the image",
                "dict(mode='whole')",
                'Set model.test_cfg, or leave the head out',
            )
        if getattr(backbone, 'out_tokens', False) and self.decode_head.in_index == -1:
            raise MammoError(
                'model.backbone.out_tokens beside model.decode_head.in_index=-1: the last output '
                'are tokens',
                '0, the feature map',
                'Set model.decode_head.in_index=0',
            )

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> Losses:
        """As ``EncoderDecoder``; true masks may be uint8, and are made int64 on the device.

        With a presence head also ``presence.loss_presence`` and ``presence.acc_presence``.
        """
        for sample in data_samples:
            widen_truth(sample)
        return super().loss(inputs, data_samples)

    def _decode_head_forward_train(
        self, inputs: list[Tensor], data_samples: list[SegDataSample]
    ) -> Losses:
        """Losses of the heads that see the features ``inputs``: of the mask, and of presence."""
        losses = super()._decode_head_forward_train
        if self.presence_head is None:
            return losses(inputs, data_samples)
        found = self.presence_head.loss(inputs, data_samples)
        of_presence = {f'presence.{name}': value for name, value in found.items()}
        return {**where_known(losses, inputs, data_samples), **of_presence}

    def _auxiliary_head_forward_train(
        self, inputs: list[Tensor], data_samples: list[SegDataSample]
    ) -> Losses:
        losses = super()._auxiliary_head_forward_train
        if self.presence_head is None:
            return losses(inputs, data_samples)
        return where_known(losses, inputs, data_samples)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> Sequence[SegDataSample]:
        """As ``EncoderDecoder``, with ``test_output``; B×3×S×S inputs, normalised."""
        if data_samples is not None:
            metas = [sample.metainfo for sample in data_samples]
            logits, presence = self.infer(inputs, metas, self.test_output.flips)
            return self.put_in(inputs, data_samples, self.from_logits(logits), presence)
        shape = tuple(inputs.shape[2:])
        meta = dict(ori_shape=shape, img_shape=shape, pad_shape=shape, padding_size=[0] * 4)
        logits, presence = self.infer(inputs, [meta] * len(inputs), self.test_output.flips)
        found = self.finish(inputs, self.postprocess_result(logits))
        for sample, logit in zip(found, presence or (), strict=False):
            self.test_output.gate(sample, logit)
        return found

    def infer(
        self, inputs: Tensor, metas: list[dict], flips: bool = False
    ) -> tuple[Tensor, list[float] | None]:
        """B×C×S×S logits of the mask from B×3×S×S, and B raw ones of presence if there is a head.

        Args:
            inputs: Normalised.
            metas: B.
            flips: Whether logits are those of :func:`.mean_over_flips`.
        """
        if self.presence_head is None:
            presence = None
            logits = self.inference(inputs, metas)
        else:
            features = self.extract_feat(inputs)
            presence = self.presence_head(features).tolist()
            logits = self.decode_head.predict(features, metas, self.test_cfg)

        def network(turned: Tensor) -> Tensor:
            if self.presence_head is None:
                return self.inference(turned, metas)
            return self.decode_head.predict(self.extract_feat(turned), metas, self.test_cfg)

        if flips:
            pictures = [picture_of(meta, (inputs.shape[2], inputs.shape[3])) for meta in metas]
            logits = mean_over_flips(network, inputs, pictures, logits)
        return logits, presence


def where_known(
    losses: Callable[[list[Tensor], list[SegDataSample]], Losses],
    features: list[Tensor],
    samples: list[SegDataSample],
) -> Losses:
    """Losses of a mask; all of them 0 for a batch of which no pixel is known.

    Several of mmseg's fail for such a batch, as the binary cross-entropy does, or divide by zero.

    Args:
        losses: Of a head.
        features: That it sees.
        samples: With ``gt_sem_seg``; of an image with a label alone 255 everywhere.
    """
    if any((sample.gt_sem_seg.data != IGNORED).any() for sample in samples):
        return losses(features, samples)
    scratch = []
    for sample in samples:
        scratch.append(SegDataSample(metainfo=sample.metainfo))
        scratch[-1].gt_sem_seg = PixelData(data=torch.zeros_like(sample.gt_sem_seg.data))
    return {name: value * 0 for name, value in losses(features, scratch).items()}
