"""Encoder-decoder: mmseg's, whose predictions are on the grid of the network's input too."""

from collections.abc import Sequence

from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.models.input_grid import InputGrid, widen_truth


@MODELS.register_module()
class InputGridEncoderDecoder(InputGrid, EncoderDecoder):
    """mmseg's ``EncoderDecoder``, whose predictions have ``input_logits`` too.

    Arguments beside ``test_output``, weights and everything else are those of ``EncoderDecoder``.
    """

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """As ``EncoderDecoder``; true masks may be uint8, and are made int64 on the device."""
        for sample in data_samples:
            widen_truth(sample)
        return super().loss(inputs, data_samples)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> Sequence[SegDataSample]:
        """As ``EncoderDecoder``, with ``test_output``; B×3×S×S inputs, normalised."""
        if data_samples is None:
            return self.finish(inputs, super().predict(inputs))
        logits = self.inference(inputs, [sample.metainfo for sample in data_samples])
        return self.put_in(inputs, data_samples, self.from_logits(logits))
