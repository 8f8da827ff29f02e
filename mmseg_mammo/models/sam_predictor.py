"""SAM for annotation tools: segment-anything's own predictor around a trained model."""

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.sam_decoding import choose, of_each
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


class AsTests(ResizeLongestSide):
    """Resizing and coordinates of the test pipeline, as mmcv's ``Resize(keep_ratio=True)``."""

    def apply_image(self, image: np.ndarray) -> np.ndarray:
        """H×W×3, uint8 or float32 -> its longer side is the target length."""
        height, width = self.get_preprocess_shape(*image.shape[:2], self.target_length)
        size = (width, height)
        return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_LINEAR)

    def apply_coords(self, coords: np.ndarray, original_size: tuple[int, ...]) -> np.ndarray:
        """(x, y) of pixel centres, as in training: ``(x + 0.5) · s - 0.5``."""
        return super().apply_coords(coords + 0.5, original_size) - 0.5


class Stretch(AsTests):
    """The thesis's resizing, as mmcv's ``Resize(keep_ratio=False)``: to a square."""

    @staticmethod
    def get_preprocess_shape(oldh: int, oldw: int, long_side_length: int) -> tuple[int, int]:
        """A square, whatever the image."""
        return long_side_length, long_side_length


class SAMPredictor(SamPredictor):
    """``segment_anything.SamPredictor`` around a :class:`SAMSegmentor`, for mammograms.

    ``set_image``, then ``predict`` as often as wanted; points, boxes and masks are on the grid
    of the image. ``predict`` returns masks (K×H×W bool), predicted IoUs (K) and low-resolution
    logits (K×4s×4s), which the next call takes as ``mask_input``. ``multimask_output=False`` keeps
    of the three masks that with the highest predicted IoU: the fourth, which segment-anything
    returns then, has no loss here. Put the model into eval mode before.

    Args:
        model: Trained or zero-shot; shared, not copied.
        keep_ratio: True resizes and pads as segment-anything does, and on the same weights gives
            the same three masks. False stretches to a square, as the shipped configs do. None
            does as the model's tests, which do not smooth before they shrink: pad if the data
            preprocessor's ``test_cfg`` pads, else stretch.
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
        as_tests = AsTests if statistics.test_cfg else Stretch
        resize = {None: as_tests, True: LongestSide, False: Stretch}[keep_ratio]
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

    @torch.no_grad()
    def predict_torch(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As ``SamPredictor.predict_torch``, but for one mask: the best of the three.

        Args:
            point_coords: O×N×2, in pixels of the input.
            point_labels: O×N, 1 lesion, 0 background.
            boxes: O×4, in pixels of the input.
            mask_input: O×1×4s×4s logits of an earlier call.
            multimask_output: Three masks of each object, or one.
            return_logits: Logits in place of bool masks.

        Returns:
            Masks, O×K×H×W; predicted IoUs, O×K; low-resolution logits, O×K×4s×4s.
        """
        prompts = point_coords, point_labels, boxes, mask_input
        masks, iou, low = super().predict_torch(*prompts, True, return_logits)
        if multimask_output:
            return masks, iou, low
        best = choose(iou, 'predicted_iou')
        return (
            of_each(masks, best)[:, None],
            of_each(iou, best)[:, None],
            of_each(low, best)[:, None],
        )
