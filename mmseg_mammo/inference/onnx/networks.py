"""Networks that an ONNX file holds: from grey levels to logits, normalisation inside."""

from typing import Any

import torch
import torch.nn.functional as F
from segment_anything.utils.onnx import SamOnnxModel
from torch import Tensor, nn

from mmseg_mammo.models.flips import mean_over_flips
from mmseg_mammo.models.sam.object_decoder import ObjectMaskDecoder
from mmseg_mammo.models.sam.segmentor import SAMSegmentor

PRESENCE = 'presence_logit'


class Normalised(nn.Module):
    """The normalisation of a model's data preprocessor, and what comes behind it.

    Args:
        model: Of MMSegmentation.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        preprocessor = model.data_preprocessor
        normalises = getattr(preprocessor, '_enable_normalize', False)
        for name, neutral in (('mean', 0.0), ('std', 1.0)):
            value = getattr(preprocessor, name) if normalises else torch.full((3, 1, 1), neutral)
            self.register_buffer(name, value.detach().clone())

    def normalise(self, image: Tensor) -> Tensor:
        """B×3×H×W grey levels, 0 to 255 -> the input of the model."""
        return (image - self.mean) / self.std


class WholeNetwork(Normalised):
    """An ``EncoderDecoder`` from the image to logits and probabilities on the grid of its input.

    Of a model with a presence head the raw logit of presence is a third output. Masks of closed
    images are not emptied: whoever reads the file does that.

    Args:
        model: The segmentor.
        size: (H, W) of its input.
    """

    inputs = ('image',)
    outputs: tuple[str, ...] = ('logits', 'probability')

    def __init__(self, model: Any, size: tuple[int, int]) -> None:
        super().__init__(model)
        self.size = size
        if model.has_presence:
            self.outputs = (*self.outputs, PRESENCE)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """B×3×H×W grey levels -> B×C×H×W logits, B×H×W probabilities of a lesion, B of presence.

        ``flips`` of ``test_output`` are in the logits, its temperature in the probabilities alone.
        """
        meta = {'img_shape': self.size, 'ori_shape': self.size, 'pad_shape': self.size}
        model = self.model
        inputs = self.normalise(image)

        def decode(features: Any) -> Tensor:
            return model.decode_head.predict(features, [meta], model.test_cfg)

        features = model.extract_feat(inputs)
        logits = decode(features)
        if model.test_output.flips:
            logits = mean_over_flips(
                lambda turned: decode(model.extract_feat(turned)), inputs, alone=logits
            )
        scaled = model.test_output.scale(logits)
        binary = model.out_channels == 1
        found = logits, scaled[:, 0].sigmoid() if binary else scaled.softmax(dim=1)[:, 1]
        return (*found, model.presence_head(features)) if model.has_presence else found


class Encoder(Normalised):
    """SAM's image encoder."""

    inputs = ('image',)
    outputs = ('image_embeddings',)

    def forward(self, image: Tensor) -> Tensor:
        """1×3×S×S grey levels -> 1×C×s×s."""
        return self.model.image_encoder(self.normalise(image)).float()


class Decoder(SamOnnxModel):
    """SAM's prompt encoder and mask decoder, with the inputs of segment-anything's own export.

    Unlike that it gives the three candidates that training uses, on the grid of the encoder's input.

    Args:
        model: The segmentor.
    """

    inputs = ('image_embeddings', 'point_coords', 'point_labels', 'mask_input', 'has_mask_input')
    outputs: tuple[str, ...] = ('masks', 'iou_predictions', 'low_res_masks')

    def __init__(self, model: SAMSegmentor) -> None:
        super().__init__(model, return_single_mask=False)
        if model.has_presence:
            self.outputs = (*Decoder.outputs, PRESENCE)

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, ...]:
        """Candidates of one object.

        Args:
            image_embeddings: 1×C×s×s.
            point_coords: 1×N×2, (x, y) in pixels of the encoder's input.
            point_labels: 1×N float: 1 lesion, 0 background, 2 and 3 the corners of a box, -1 no
                point, one of which has to be there without a box.
            mask_input: 1×1×4s×4s logits of an earlier call.
            has_mask_input: 1 float; 0 leaves ``mask_input`` out.

        Returns:
            1×3×S×S logits, 1×3 predicted IoUs, and 1×3×4s×4s logits. Of a model with an object
            score also 1 raw logit of presence; no mask is emptied.
        """
        asked = (
            image_embeddings,
            self.model.prompt_encoder.get_dense_pe(),
            self._embed_points(point_coords, point_labels),
            self._embed_masks(mask_input, has_mask_input),
        )
        decoder = self.mask_decoder
        presence: list[Tensor] = []
        if isinstance(decoder, ObjectMaskDecoder):
            low, iou, *presence = decoder.predict_objects(*asked)
        else:
            low, iou = decoder.predict_masks(*asked)
        low, iou = low[:, 1:], iou[:, 1:]
        size = (self.img_size, self.img_size)
        return F.interpolate(low, size, mode='bilinear', align_corners=False), iou, low, *presence

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the right shapes."""
        channels, side = self.model.prompt_encoder.embed_dim, self.img_size // 16
        return (
            torch.zeros(1, channels, side, side),
            torch.zeros(1, 2, 2),
            torch.tensor([[1.0, -1.0]]),
            torch.zeros(1, 1, 4 * side, 4 * side),
            torch.zeros(1),
        )
