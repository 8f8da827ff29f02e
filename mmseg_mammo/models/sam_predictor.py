"""SAM for annotation tools: segment-anything's own predictor around a trained model."""

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide

from mmseg_mammo.errors import MammoError
from mmseg_mammo.transforms.loading import map_intensity
from mmseg_mammo.transforms.packing import rescale_to_255

if TYPE_CHECKING:
    from mmseg_mammo.models.sam_segmentor import SAMSegmentor


class LongestSide(ResizeLongestSide):
    """segment-anything's resizing, for 16 bits too: the aspect ratio stays, the rest is padding."""

    def apply_image(self, image: np.ndarray) -> np.ndarray:
        """H×W×3, uint8 or float32 from 0 to 255 -> its longer side is the target length."""
        if image.dtype == np.uint8:
            return super().apply_image(image)
        size = self.get_preprocess_shape(*image.shape[:2], self.target_length)
        planes = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        resized = F.interpolate(planes, size, mode='bilinear', align_corners=False, antialias=True)
        return resized[0].permute(1, 2, 0).numpy()


class Stretch(ResizeLongestSide):
    """The thesis's resizing, as mmcv's ``Resize(keep_ratio=False)``: to a square."""

    @staticmethod
    def get_preprocess_shape(oldh: int, oldw: int, long_side_length: int) -> tuple[int, int]:
        """A square, whatever the image."""
        return long_side_length, long_side_length

    def apply_image(self, image: np.ndarray) -> np.ndarray:
        """H×W×3, uint8 or float32 -> square."""
        size = (self.target_length, self.target_length)
        return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_LINEAR)

    def apply_coords(self, coords: np.ndarray, original_size: tuple[int, ...]) -> np.ndarray:
        """(x, y) of pixel centres, as in training: ``(x + 0.5) · s - 0.5``."""
        return super().apply_coords(coords + 0.5, original_size) - 0.5


class SAMPredictor(SamPredictor):
    """``segment_anything.SamPredictor`` around a :class:`SAMSegmentor`, for mammograms.

    ``set_image``, then ``predict`` as often as wanted; points, boxes and masks are on the grid
    of the image. ``predict`` returns masks (K×H×W bool), predicted IoUs (K) and low-resolution
    logits (K×4s×4s), which the next call takes as ``mask_input``. Put the model into eval mode
    before.

    Args:
        model: Trained or zero-shot; shared, not copied.
        keep_ratio: True resizes and pads as segment-anything does, and on the same weights gives
            the same output. False stretches to a square, as the shipped configs do. None does
            as the model's tests: pad if the data preprocessor's ``test_cfg`` pads.
        intensity: What ``LoadMammogram`` does to grey levels; ``'stored'`` leaves them.
    """

    def __init__(
        self, model: 'SAMSegmentor', keep_ratio: bool | None = None, intensity: str = 'minmax'
    ) -> None:
        statistics = model.data_preprocessor
        if not getattr(statistics, '_enable_normalize', False):
            raise MammoError(
                'the data preprocessor of this SAM does not normalise',
                'mean and std of SA-1B in model.data_preprocessor, as configs/_base_/models/sam.py',
            )
        parts = model.image_encoder, model.prompt_encoder, model.mask_decoder
        sam = Sam(*parts, statistics.mean.flatten().tolist(), statistics.std.flatten().tolist())
        super().__init__(sam.to(statistics.mean.device))
        if keep_ratio is None:
            keep_ratio = bool(statistics.test_cfg)
        resize = LongestSide if keep_ratio else Stretch
        self.transform = resize(model.image_encoder.img_size)
        self.intensity = intensity

    def set_image(self, image: np.ndarray, image_format: str = 'RGB') -> None:
        """Encode an image.

        Args:
            image: H×W or H×W×3, uint8 or uint16.
            image_format: ``'RGB'`` or ``'BGR'``; grey levels do not care.

        Raises:
            MammoError: Another dtype or shape.
        """
        colour = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
        if image.dtype not in (np.uint8, np.uint16) or colour.shape[2:] != (3,):
            raise MammoError(
                f'set_image: {image.dtype} of shape {image.shape}', 'uint8 or uint16, H×W or H×W×3'
            )
        levels = map_intensity(colour, self.intensity)
        if levels.dtype == np.uint16:
            levels = rescale_to_255(levels)  # unrounded
        super().set_image(levels, image_format)
