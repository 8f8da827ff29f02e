"""Resizing transform: scales image and mask together and keeps every lesion."""

from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS

from mmseg_mammo.io.image import resize_mask


@TRANSFORMS.register_module()
class ResizeMammogram(Resize):
    """mmseg's ``Resize``, but no lesion vanishes from the mask.

    Nearest neighbour alone drops lesions of a few pixels at 224² and leaves their images with an
    empty truth. Arguments and keys are those of ``mmseg.datasets.transforms.Resize``; masks
    (``seg_fields``) are uint8, H×W, 0 as background.
    """

    def _resize_seg(self, results: dict) -> None:
        height, width = results['img'].shape[:2]
        for name in results.get('seg_fields', ()):
            results[name] = resize_mask(results[name], (height, width))
