"""Grey-level mapping: its step, and the one channel that it works on."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.breast import breast_core
from mmseg_mammo.io.image import INTENSITIES, map_intensity
from mmseg_mammo.transforms.levels import levels_of


@TRANSFORMS.register_module()
class MapIntensity(BaseTransform):
    """Map the grey levels of an image that any step has loaded.

    It stands behind ``ReadMammogram``, or behind ``LoadImageFromFile`` or ``LoadImageFromNDArray``
    of MMSegmentation, whose ``inference_model`` puts the latter first where it is given arrays.
    8- and 16-bit images keep their depth through mmseg's resizing, flipping and cropping;
    ``MammoCLAHE`` rounds to 8 bits. End the pipeline with ``PackMammogram`` before ``PackSegInputs``.

    Required Keys:

    - img (uint8 or uint16; H×W, H×W×1, or H×W×3 with equal channels)

    Added Keys:

    - grey_levels (name of the dtype, highest level), for :class:`.PackMammogram`

    Modified Keys:

    - img (uint8 or uint16, H×W×3; see :func:`true_depth`)

    Args:
        intensity: One of ``'stored'``, ``'minmax'``, ``'percentile'``; see
            :func:`map_intensity`. ``'breast'`` is ``'percentile'`` of the breast's pixels alone
            (:func:`.breast_core`), so that the share of air around it does not count.
        percentiles: For ``intensity='percentile'`` and ``'breast'``.
    """

    cacheable = True

    def __init__(
        self, *, intensity: str = 'minmax', percentiles: tuple[float, float] = (1.0, 99.0)
    ) -> None:
        if intensity not in (*INTENSITIES, 'breast'):
            allowed = ', '.join((*INTENSITIES, 'breast'))
            raise ValueError(f'intensity={intensity!r}: allowed are {allowed}')
        self.intensity = intensity
        self.percentiles = (percentiles[0], percentiles[1])

    def transform(self, results: dict) -> dict:
        """Map the levels of ``results['img']``.

        Raises:
            DataFileError: The image has colours, or is of another dtype or shape.
        """
        grey = self.map(grey_channel(results))
        results['img'] = three_channels(grey)
        results['grey_levels'] = levels_of(grey)
        return results

    def map(self, image: np.ndarray) -> np.ndarray:
        """The levels of an image mapped: H×W, or H×W×3 by one scale; uint8 or uint16, see :func:`true_depth`."""
        if self.intensity != 'breast':
            return map_intensity(image, self.intensity, self.percentiles)
        inside = breast_core(image if image.ndim == 2 else image.max(axis=2))
        return map_intensity(image, 'percentile', self.percentiles, inside)

    def __repr__(self) -> str:
        settings = f'intensity={self.intensity!r}, percentiles={self.percentiles}'
        return f'{type(self).__name__}({settings})'


def grey_channel(results: Mapping[str, Any]) -> np.ndarray:
    """The image of a pipeline as one channel: H×W, uint8 or uint16, contiguous.

    Args:
        results: With ``img``, H×W, H×W×1 or H×W×3, and perhaps ``img_path``.

    Raises:
        DataFileError: The image has colours, or is of another dtype or shape.
    """
    image = results['img']
    name = results.get('img_path') or 'an array'
    shape = image.shape
    if image.dtype not in (np.uint8, np.uint16) or not (
        len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))
    ):
        raise DataFileError(
            f'{name}: an image of {image.dtype}, shape {shape}',
            'uint8 or uint16, H×W, H×W×1 or H×W×3',
            'Give the grey levels as they are stored, neither normalised nor with an alpha channel',
        )
    if len(shape) == 2:
        return np.ascontiguousarray(image)
    grey: np.ndarray = np.ascontiguousarray(image[..., 0])
    if not all(np.array_equal(grey, image[..., channel]) for channel in range(1, shape[2])):
        raise DataFileError(
            f'{name}: an image with colours',
            'a mammogram: grey levels, or three equal channels',
            'Give the original image, without marks drawn in colour',
        )
    return grey


def three_channels(grey: np.ndarray) -> np.ndarray:
    """H×W -> H×W×3 with equal channels, a copy; faster than ``np.repeat``."""
    return cv2.merge((grey, grey, grey))
