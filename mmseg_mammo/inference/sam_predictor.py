"""SAM predictor: segment-anything's interface for annotation tools, around a trained model."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor, nn

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.pipeline import (
    build_image_steps,
    find_test_pipeline,
    level_changing_steps,
    run_steps,
)
from mmseg_mammo.io.image import rescale_to_255
from mmseg_mammo.models.sam.mask_decoder import choose_candidate, take_candidate
from mmseg_mammo.models.sam.object_decoder import ObjectMaskDecoder
from mmseg_mammo.models.sam.segmentor import SAMSegmentor
from mmseg_mammo.transforms.intensity import MapIntensity


class LongestSide(ResizeLongestSide):
    """segment-anything's resizing, with 16 bits: keeps the aspect ratio and pads the rest."""

    def apply_image(self, image: np.ndarray) -> np.ndarray:
        """H×W×3, uint8, uint16 or float32 -> its longer side is the target length, up to 255."""
        if image.dtype == np.uint8:
            return super().apply_image(image)
        planes = torch.from_numpy(rescale_to_255(np.ascontiguousarray(image))).permute(2, 0, 1)[
            None
        ]
        return self.apply_image_torch(planes)[0].permute(1, 2, 0).numpy()

    def apply_image_torch(self, image: Tensor) -> Tensor:
        """B×3×H×W float -> its longer side is the target length; the base class mixes up axes."""
        size = self.get_preprocess_shape(*image.shape[-2:], self.target_length)
        return F.interpolate(image, size, mode='bilinear', align_corners=False, antialias=True)


class AsTests(ResizeLongestSide):
    """Resizing and coordinates of the test pipeline: mmcv's ``Resize(keep_ratio=True)``.

    Args:
        target_length: Of the longer side, in pixels.
        steps: Of a test pipeline (:func:`.build_image_steps`), which resize and may do more; None
            resizes by itself.
    """

    def __init__(self, target_length: int, steps: Sequence[BaseTransform] | None = None) -> None:
        super().__init__(target_length)
        self.steps = steps

    def apply_image(self, image: np.ndarray) -> np.ndarray:
        """H×W×3, uint8, uint16 or float32 -> its longer side is the target length, up to 255."""
        height, width = self.get_preprocess_shape(*image.shape[:2], self.target_length)
        if self.steps is not None:
            return rescale_to_255(run_steps(self.steps, image, (height, width)))
        size = (width, height)
        levels = image if image.dtype == np.uint8 else rescale_to_255(image)  # unrounded
        return cv2.resize(np.ascontiguousarray(levels), size, interpolation=cv2.INTER_LINEAR)

    def apply_image_torch(self, image: Tensor) -> Tensor:
        """B×3×H×W float -> its longer side is the target length; grey levels stay.

        Raises:
            MammoError: The test pipeline does more than to resize.
        """
        others = level_changing_steps(self.steps or ())
        if others:
            raise MammoError(f'apply_image_torch: {", ".join(others)}', remedy='Use set_image')
        size = self.get_preprocess_shape(*image.shape[-2:], self.target_length)
        return F.interpolate(image, size, mode='bilinear', align_corners=False)

    def apply_coords(self, coords: np.ndarray, original_size: tuple[int, ...]) -> np.ndarray:
        """(x, y) of pixel centres, as in training: ``(x + 0.5) · s - 0.5``; boxes likewise."""
        return super().apply_coords(coords + 0.5, original_size) - 0.5

    def apply_coords_torch(self, coords: Tensor, original_size: tuple[int, ...]) -> Tensor:
        """As :meth:`apply_coords`, of tensors."""
        return super().apply_coords_torch(coords + 0.5, original_size) - 0.5


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
    of the three masks that which the model's ``mask_choice`` names: the fourth, which
    segment-anything returns then, has no loss here. Put the model into eval mode before.

    Of a model with an object score ``object_presence`` is, after each call, the probability of a
    lesion where it was asked, a float for each object; with ``test_output.presence_threshold`` masks
    of an object that it closes are empty. Logits stay as they are.

    A model with a config (``model.cfg``, as :func:`.load_model` and mmseg's ``init_model`` note
    it) is given images as its test pipeline gives them: ``set_image`` runs the steps of that.

    Args:
        model: Trained or zero-shot; shared, not copied.
        keep_ratio: True resizes and pads as segment-anything does, and on the same weights gives
            the same three masks. False stretches to a square, as the shipped configs do. None
            does as the model's tests, which do not smooth before they shrink: pad if the data
            preprocessor's ``test_cfg`` pads, else stretch.
        intensity: What is done to grey levels in place of the test pipeline's steps, or without
            one; see :func:`.map_intensity`. None does as the pipeline, without one ``'minmax'``.
        percentiles: For ``intensity='percentile'``.

    Raises:
        MammoError: The data preprocessor does not normalise; or the test pipeline has no
            ``MapIntensity``, or does more than to resize beside a given ``keep_ratio``.
    """

    def __init__(
        self,
        model: SAMSegmentor,
        keep_ratio: bool | None = None,
        intensity: str | None = None,
        percentiles: tuple[float, float] = (1.0, 99.0),
    ) -> None:
        statistics = model.data_preprocessor
        if not getattr(statistics, '_enable_normalize', False):
            raise MammoError(
                'the data preprocessor of this SAM does not normalise',
                'mean and std of SA-1B in model.data_preprocessor, as configs/_base_/models/sam.py',
            )
        self.output = model.test_output
        self.object_presence: list[float] = []
        decoder = model.mask_decoder
        self.scores = _ScoringDecoder(decoder) if model.has_presence else None
        parts = model.image_encoder, model.prompt_encoder, self.scores or decoder
        sam = Sam(*parts, statistics.mean.flatten().tolist(), statistics.std.flatten().tolist())
        super().__init__(sam.to(statistics.mean.device))
        self.loading = MapIntensity(intensity=intensity or 'minmax', percentiles=percentiles)
        steps = None
        pipeline = find_test_pipeline(model) if intensity is None else None
        if pipeline is not None:
            self.loading, steps = build_image_steps(pipeline)
            if keep_ratio is not None and level_changing_steps(steps):
                raise MammoError(
                    f'keep_ratio={keep_ratio} beside {", ".join(level_changing_steps(steps))} of the '
                    'test pipeline',
                    'keep_ratio=None, which does as the pipeline',
                    'Give intensity too, to do without the pipeline',
                )
        side = model.image_encoder.img_size
        if keep_ratio is None:
            self.transform = (AsTests if statistics.test_cfg else Stretch)(side, steps)
        else:
            self.transform = (LongestSide if keep_ratio else Stretch)(side)
        self.mask_choice = model.mask_choice

    def set_image(self, image: np.ndarray, image_format: str = 'RGB') -> None:
        """Encode an image.

        Args:
            image: H×W or H×W×3, uint8 or uint16.
            image_format: ``'RGB'`` or ``'BGR'``; grey levels do not care.

        Raises:
            MammoError: Another dtype or shape; or the test pipeline cannot take it.
        """
        colour = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
        if image.dtype not in (np.uint8, np.uint16) or colour.shape[2:] != (3,):
            raise MammoError(
                f'set_image: {image.dtype} of shape {image.shape}', 'uint8 or uint16, H×W or H×W×3'
            )
        super().set_image(self.loading.map(colour), image_format)

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
        """As ``SamPredictor.predict_torch``, but for one mask: one of the three.

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
        if self.scores:
            self.object_presence = [self.output.presence(v) for v in self.scores.logits]
            if not return_logits:
                closed = [self.output.closes(value) for value in self.object_presence]
                masks[torch.tensor(closed, device=masks.device)] = False
        if multimask_output:
            return masks, iou, low
        kept = choose_candidate(iou, self.mask_choice)
        return (
            take_candidate(masks, kept)[:, None],
            take_candidate(iou, kept)[:, None],
            take_candidate(low, kept)[:, None],
        )


class _ScoringDecoder(nn.Module):
    """The mask decoder as segment-anything calls it; it notes what is said of the objects."""

    def __init__(self, decoder: ObjectMaskDecoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.logits: list[float] = []

    def forward(self, *, multimask_output: bool, **parts: Tensor) -> tuple[Tensor, Tensor]:
        masks, iou, logits = self.decoder.predict_objects(
            parts['image_embeddings'],
            parts['image_pe'],
            parts['sparse_prompt_embeddings'],
            parts['dense_prompt_embeddings'],
        )
        self.logits = logits.tolist()
        kept = slice(1, None) if multimask_output else slice(0, 1)
        return masks[:, kept], iou[:, kept]
