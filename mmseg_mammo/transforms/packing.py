"""Packing transform: the last step, which turns arrays into model inputs and data samples."""

from collections.abc import Sequence

from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from mmseg_mammo.io.image import rescale_to_255
from mmseg_mammo.io.index import DESCRIPTION
from mmseg_mammo.transforms.levels import check_levels

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
    *DESCRIPTION,
)


@TRANSFORMS.register_module()
class PackMammogram(PackSegInputs):
    """mmseg's ``PackSegInputs`` with floats from 0 to 255 and the index's facts on each image.

    torch cannot normalise uint16, and mean and std in configs are on the scale of 255.

    Required Keys:

    - img (uint8, uint16 or float, H×W×3)
    - gt_seg_map (optional)
    - grey_levels (optional)

    Args:
        meta_keys: Keys kept as metainfo of the sample.

    Raises:
        DataFileError: A step has broken the depth or the range of grey levels
            (:func:`.broken_levels`), as several of mmseg do with 16 bits.
    """

    deterministic = one_channel = True

    def __init__(self, *, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(meta_keys=tuple(meta_keys))

    def transform(self, results: dict) -> dict:
        """Return ``inputs`` (3×H×W float32) and ``data_samples``."""
        check_levels(results)
        return super().transform({**results, 'img': rescale_to_255(results['img'])})
