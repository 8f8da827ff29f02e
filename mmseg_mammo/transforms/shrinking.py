"""Shrinking transform: makes a large image as small as the preparation would."""

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.io.image import resize_image, scale_to_long_side
from mmseg_mammo.transforms.intensity import grey_channel, three_channels


@TRANSFORMS.register_module()
class ShrinkMammogram(BaseTransform):
    """Shrink an image whose longer side is too long, by area, as the preparation does.

    An original file is then given to a model as a prepared one: put it between ``ReadMammogram``
    and ``MapIntensity``. Smaller images stay as they are, bit for bit. ``ori_shape`` stays that of
    the file, so that predictions come back on its grid and prompts stay in its pixels. Masks are
    not touched: ``LoadLesionMask`` reads them on the grid of the file, ``ResizeMammogram`` takes
    them to that of the image.

    Required Keys:

    - img (uint8 or uint16; H×W, H×W×1, or H×W×3 with equal channels)

    Modified Keys (only if it shrinks):

    - img (H×W×3), img_shape (H, W)
    - scale_factor (of width and of height), which a later ``Resize`` writes anew for its own part

    Added Keys (only if it shrinks):

    - prepared_shape (H, W), for :class:`.LoadPrompts`

    Args:
        long_side: Pixels; 0 changes nothing.
    """

    cacheable = True

    def __init__(self, *, long_side: int) -> None:
        scale_to_long_side((1, 1), long_side)  # refuses a negative one before the first image
        self.long_side = long_side

    def transform(self, results: dict) -> dict:
        """Shrink ``results['img']``.

        Raises:
            DataFileError: The image has colours, or is of another dtype or shape.
        """
        height, width = results['img'].shape[:2]
        shape = scale_to_long_side((height, width), self.long_side)
        if shape == (height, width):
            return results
        results['img'] = three_channels(resize_image(grey_channel(results), shape))
        results['img_shape'] = results['prepared_shape'] = shape
        earlier = results.get('scale_factor', (1.0, 1.0))
        results['scale_factor'] = (
            earlier[0] * shape[1] / width,
            earlier[1] * shape[0] / height,
        )
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(long_side={self.long_side})'
