"""SETR-PUP's decode head, which classifies before it upsamples for the last time."""

from mmseg.models.decode_heads import SETRUPHead
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class LeanUPHead(SETRUPHead):
    """mmseg's ``SETRUPHead`` with the same weights and, but for rounding, the same output.

    Its last layer is linear in the channels of a pixel, bilinear upsampling is linear in the
    pixels of a channel with weights of sum one, and dropout takes whole channels. So their order
    is free. mmseg upsamples all channels first, which is most of what the head stores: of 256
    channels at 224² and a batch of 16, 784 MiB in float32 and as much for its gradient.

    Arguments are those of ``SETRUPHead``.
    """

    def forward(self, x: tuple[Tensor, ...]) -> Tensor:
        """Logits of the features: B×classes×H×W."""
        features = self._transform_inputs(x)
        size = features.shape[-2:]
        features = self.norm(features.flatten(2).transpose(1, 2).contiguous())
        features = features.transpose(1, 2).unflatten(2, size).contiguous()
        for block in self.up_convs[:-1]:
            features = block(features)
        convolve, upsample = self.up_convs[-1]
        return upsample(self.cls_seg(convolve(features)))
