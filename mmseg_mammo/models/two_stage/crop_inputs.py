"""Crop inputs: what a refiner is given of a crop, pixel by pixel as its training gave it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmcv.image import imresize
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import rescale_to_255
from mmseg_mammo.transforms.crops import Box, cut_crop
from mmseg_mammo.transforms.full_image import FIELD, full_pixels


def crop_input(pixels: np.ndarray, box: Box, size: tuple[int, int]) -> Tensor:
    """A crop as ``CropAroundLesion``, ``ResizeMammogram(interpolation='area')`` and packing make it.

    Args:
        pixels: H×W uint8 or uint16, the full image.
        box: Of the crop.
        size: (height, width) of the result.

    Returns:
        3×h×w, uint8 of 8 bits, else float32 from 0 to 255.
    """
    crop = cut_crop(pixels, box)
    resized = imresize(crop, (size[1], size[0]), interpolation='area', backend='cv2')
    grey = resized if resized.dtype == np.uint8 else rescale_to_255(resized)
    return torch.from_numpy(np.ascontiguousarray(grey)).expand(3, -1, -1)


def crop_sample(
    place: tuple[float, float], box: Box, size: tuple[int, int], meta: Mapping[str, Any]
) -> SegDataSample:
    """The sample of a crop, whose prompt is a click on the candidate.

    Args:
        place: (x, y) of the peak, pixels of the full image.
        box: Of the crop.
        size: (height, width) of the input; predictions are made on this grid.
        meta: Of the sample of the whole image.
    """
    (x, y), (x0, y0, x1, y1) = place, box
    sx, sy = size[1] / (x1 - x0), size[0] / (y1 - y0)
    click = [(x - x0 + 0.5) * sx - 0.5, (y - y0 + 0.5) * sy - 0.5]
    return SegDataSample(
        metainfo={
            'img_path': meta.get('img_path', ''),
            'ori_shape': tuple(size),
            'img_shape': tuple(size),
            'scale_factor': (sx, sy),
            'prompts': {'points': [[click]], 'labels': [[1]], 'boxes': None},
        }
    )


def full_image(sample: SegDataSample) -> np.ndarray:
    """The pixels at full resolution of a sample, H×W uint8 or uint16; see :func:`full_shape`."""
    full_shape(sample)
    return full_pixels(sample.get(FIELD))


def full_shape(sample: SegDataSample) -> tuple[int, int]:
    """(H, W) of the pixels at full resolution of a sample.

    Raises:
        MammoError: It has none.
    """
    if FIELD not in sample:
        raise MammoError(
            f'{sample.metainfo.get("img_path", "an image")}: no pixels at full resolution for the '
            'second stage',
            "dict(type='KeepFullImage') in the test pipeline, before the resizing",
            'Add it behind MapIntensity and MammoCLAHE, and end the pipeline with PackMammogram',
        )
    height, width = sample.get(FIELD).data.shape[-2:]
    return height, width
