"""Padding: a data preprocessor that brings images of different shapes to one size, in tests too."""

from typing import Any

from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.functional import pad

from mmseg_mammo.errors import MammoError


@MODELS.register_module()
class PaddedDataPreProcessor(SegDataPreProcessor):
    """mmseg's ``SegDataPreProcessor``, which pads each image by itself, right and below, with black.

    mmseg's pads after it has normalised, so that ``pad_val=0`` is the mean of grey levels, and takes
    images of one shape only in a batch of a test. Here ``pad_val`` is a grey level from 0 to 255.
    Predictions are taken back by mmseg and by :class:`.InputGrid`, which leave the padding away; masks
    are padded with ``seg_pad_val``, which no loss counts. Images that have the size already go on as
    to ``SegDataPreProcessor``, bit for bit.

    Args:
        size: (H, W) in pixels.
        kwargs: Of ``SegDataPreProcessor``, but ``size_divisor`` and ``test_cfg``.

    Raises:
        MammoError: ``test_cfg`` or ``size_divisor`` is given; or an image is larger than ``size``.
    """

    def __init__(self, *, size: tuple[int, int], **kwargs: Any) -> None:
        for name in ('test_cfg', 'size_divisor'):
            if kwargs.get(name) is not None:
                raise MammoError(
                    f'{name}={kwargs[name]} of PaddedDataPreProcessor',
                    'size=(height, width), for training and tests alike',
                    f'Set model.data_preprocessor.{name}=None',
                )
        super().__init__(size=(size[0], size[1]), **kwargs)

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Pad, then normalise, as ``SegDataPreProcessor``.

        Args:
            data: ``inputs``, B times C×h×w, from 0 to 255, and ``data_samples`` or none. Samples
                get ``img_padding_size`` (left, right, top, bottom) and ``pad_shape``.
            training: Whether masks are padded too; in tests they are on grids of their own.

        Returns:
            ``inputs`` B×3×H×W and ``data_samples``.
        """
        data = self.cast_data(data)  # type: ignore[assignment]
        samples = data.get('data_samples')
        margins = [self._margins(image) for image in data['inputs']]
        inputs = [
            pad(image, margin, value=self.pad_val) if any(margin) else image
            for image, margin in zip(data['inputs'], margins, strict=True)
        ]
        for sample, margin in zip(samples or (), margins, strict=bool(samples)):
            sample.set_metainfo({'img_padding_size': margin, 'pad_shape': self.size})
            if training and any(margin) and 'gt_sem_seg' in sample:
                mask = pad(sample.gt_sem_seg.data, margin, value=self.seg_pad_val)
                sample.gt_sem_seg = PixelData(data=mask)
        return super().forward({**data, 'inputs': inputs}, training)

    def _margins(self, image: Tensor) -> tuple[int, int, int, int]:
        """Pixels to add left, right, above and below."""
        height, width = (most - n for most, n in zip(self.size, image.shape[-2:], strict=True))
        if min(height, width) < 0:
            shape, most = ('×'.join(map(str, each)) for each in (image.shape[-2:], self.size))
            raise MammoError(
                f'an image of {shape} pixels for an input of {most}',
                'images that fit into model.data_preprocessor.size',
                'Give Resize or ResizeMammogram that size as scale=(width, height)',
            )
        return 0, width, 0, height
