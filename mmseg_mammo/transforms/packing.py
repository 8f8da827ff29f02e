"""Packing transform: the last step, which turns arrays into model inputs and data samples."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample

from mmseg_mammo.io.image import rescale_to_255
from mmseg_mammo.io.index import DESCRIPTION
from mmseg_mammo.io.mask import IGNORED, is_image_label
from mmseg_mammo.transforms.full_image import FIELD, pack_full_image
from mmseg_mammo.transforms.levels import check_levels, grey_of

META_KEYS = (
    'img_path',
    'seg_map_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'reduce_zero_label',
    'prompts',
    'extent_mm',
    'trains_presence',
    *DESCRIPTION,
)


_PLAIN = (str, int, float, bool, type(None))
_BESIDE = {'gt_edge_map', 'gt_depth_map'}  # of other tasks, which mmseg packs


@TRANSFORMS.register_module()
class PackMammogram(PackSegInputs):
    """mmseg's ``PackSegInputs`` with levels on the scale of 255 and the index's facts on each image.

    torch cannot normalise uint16, and mean and std in configs are on the scale of 255. The mask of an
    image that has an image label alone is 255 everywhere, whatever steps before made of it.

    Required Keys:

    - img (uint8, uint16 or float, H×W×3)
    - gt_seg_map (optional)
    - grey_levels (optional)
    - full_img (optional, of :class:`.KeepFullImage`)

    Args:
        meta_keys: Keys kept as metainfo of the sample.
        one_channel: Give equal channels once, 1×H×W, and 8-bit levels as uint8. The data preprocessor
            of mmseg makes of it what it makes of three equal ones, bit for bit, on the device:
            it subtracts a mean of three channels. A preprocessor without a mean needs False.
        small_masks: Give masks as uint8, an eighth of the memory. The models of this package take them;
            most heads of others want int64.

    Raises:
        DataFileError: A step has broken the depth or the range of grey levels
            (:func:`.broken_levels`), as several of mmseg do with 16 bits.
        MammoError: See :func:`.pack_full_image`.
    """

    deterministic = one_channel = True

    def __init__(
        self,
        *,
        meta_keys: Sequence[str] = META_KEYS,
        one_channel: bool = False,
        small_masks: bool = False,
    ) -> None:
        super().__init__(meta_keys=tuple(meta_keys))
        self.single = one_channel
        self.small_masks = small_masks

    def transform(self, results: dict) -> dict:
        """Return ``inputs`` (3×H×W float32, or as ``one_channel`` says) and ``data_samples``.

        The latter have ``full_image`` where :class:`.KeepFullImage` kept one.
        """
        check_levels(results)
        image, mask = results['img'], results.get('gt_seg_map')
        grey = grey_of(image) if self.single else None
        if grey is None:
            image = rescale_to_255(image)
        else:
            image = grey if grey.dtype == np.uint8 else rescale_to_255(grey)
        if _BESIDE & results.keys() or (mask is not None and mask.ndim != 2):
            return super().transform({**results, 'img': image})
        sample = SegDataSample()
        if mask is not None:
            if is_image_label(results):
                mask = np.full_like(mask, IGNORED)
            sample.gt_sem_seg = PixelData(data=torch.from_numpy(self._mask(mask))[None])
        full = pack_full_image(results)
        if full is not None:
            sample.set_data({FIELD: full})
        for key in self.meta_keys:
            if key in results:
                sample.set_field(_own(results[key]), key, field_type='metainfo')
        channels = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
        inputs = torch.from_numpy(
            np.require(channels, requirements=('C', 'W'))
        )  # torch takes no other
        return {'inputs': inputs, 'data_samples': sample}

    def _mask(self, mask: np.ndarray) -> np.ndarray:
        if not self.small_masks:
            return mask.astype(np.int64)
        return np.ascontiguousarray(mask, np.uint8)


def _own(value: Any) -> Any:
    """A value that shares nothing that could be changed with the one given."""
    if type(value) in _PLAIN:
        return value
    if type(value) is tuple and all(type(item) in _PLAIN for item in value):
        return value
    return copy.deepcopy(value)
