"""CLAHE: contrast-limited adaptive histogram equalisation on 256 levels, for 8 and 16 bits."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.transforms.levels import check_levels, levels_of, like_before

LEVELS = 256
_STEP = 257  # 65535 / 255: 8-bit level k is 16-bit level 257 k


def clahe(image: np.ndarray, clip_limit: float, tiles: tuple[int, int]) -> np.ndarray:
    """Equalise H×W grey levels locally (Zuiderveld, Graphics Gems IV, 1994), as OpenCV does 8 bits.

    16-bit levels are first rounded to the 256 that the histograms count: a picture gives the same
    result in either depth, as mmseg's own ``CLAHE`` gives it in 8 bits. OpenCV's 16-bit
    variant counts 65,536 levels, so that on small images its clip limit never takes hold.

    Args:
        image: H×W, uint8 or uint16.
        clip_limit: Highest count of a bin, as a multiple of the mean count.
        tiles: Number of tiles along (H, W).

    Returns:
        H×W uint8.

    Raises:
        DataFileError: Another dtype or number of dimensions.
    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise DataFileError(
            f'CLAHE of {image.dtype} with shape {image.shape}',
            'uint8 or uint16 grey levels',
            'Put MammoCLAHE before any conversion to float',
        )
    return cv2.createCLAHE(clip_limit, (tiles[1], tiles[0])).apply(to_8_bits(image))


def to_8_bits(image: np.ndarray) -> np.ndarray:
    """uint8 as it is; uint16 on the scale of 255, rounded to the nearest level."""
    if image.dtype == np.uint8:
        return image
    return ((image.astype(np.uint32) + _STEP // 2) // _STEP).astype(np.uint8)


@TRANSFORMS.register_module()
class MammoCLAHE(BaseTransform):
    """Apply :func:`clahe` to the image; masks are left alone.

    All steps before it keep the depth of the image. mmseg's own ``CLAHE`` takes the last 8 bits
    of 16-bit levels, which destroys the image silently.

    Required Keys:

    - img (uint8 or uint16, H×W×3 with equal channels, or H×W)

    Modified Keys:

    - img (uint8, same shape)

    Args:
        clip_limit: Highest count of a bin, as a multiple of the mean count.
        tile_grid_size: Number of tiles along (H, W).
    """

    cacheable = one_channel = True

    def __init__(
        self, *, clip_limit: float = 2.0, tile_grid_size: tuple[int, int] = (8, 8)
    ) -> None:
        self.clip_limit = float(clip_limit)
        self.tile_grid_size = (tile_grid_size[0], tile_grid_size[1])

    def transform(self, results: dict) -> dict:
        """Equalise ``results['img']``, unless an earlier step has broken it."""
        check_levels(results)
        image = results['img']
        grey = np.ascontiguousarray(image if image.ndim == 2 else image[..., 0])
        equalised = clahe(grey, self.clip_limit, self.tile_grid_size)
        results['img'] = like_before(equalised, image)
        results['grey_levels'] = levels_of(equalised)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(clip_limit={self.clip_limit}, '
            f'tile_grid_size={self.tile_grid_size})'
        )
