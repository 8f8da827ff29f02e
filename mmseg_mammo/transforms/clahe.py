"""Contrast-limited adaptive histogram equalisation for 8- and 16-bit mammograms."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.transforms.levels import check_levels, levels_of

_BINS = 256
_LEVELS_PER_BIN = 257  # 65535 / 255: 8-bit level k is 16-bit level 257 k


def clahe(image: np.ndarray, clip_limit: float, tiles: tuple[int, int]) -> np.ndarray:
    """Equalise H×W grey levels locally (Zuiderveld, Graphics Gems IV, 1994).

    8-bit images go through OpenCV. OpenCV's 16-bit variant counts 65,536 levels, so that on
    small images its clip limit never takes hold; here 16-bit images use 256 histogram bins
    like 8-bit ones, with a mapping interpolated inside each bin, which keeps their levels.

    Args:
        image: H×W, uint8 or uint16.
        clip_limit: Highest count of a bin, as a multiple of the mean count.
        tiles: Number of tiles along (H, W).

    Returns:
        H×W, the dtype of ``image``.

    Raises:
        DataFileError: Another dtype or number of dimensions.
    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise DataFileError(
            f'CLAHE of {image.dtype} with shape {image.shape}',
            'uint8 or uint16 grey levels',
            'Put MammoCLAHE before any conversion to float',
        )
    if image.dtype == np.uint8:
        return cv2.createCLAHE(clip_limit, (tiles[1], tiles[0])).apply(image)
    return _clahe_uint16(image, clip_limit, tiles)


def _clahe_uint16(image: np.ndarray, clip_limit: float, tiles: tuple[int, int]) -> np.ndarray:
    height, width = image.shape
    rows, columns = tiles
    # Like OpenCV: complete the last tiles by reflection.
    bottom, right = -height % rows, -width % columns
    padded = np.pad(image, ((0, bottom), (0, right)), mode='reflect')
    tile_height, tile_width = padded.shape[0] // rows, padded.shape[1] // columns
    blocks = padded.reshape(rows, tile_height, columns, tile_width).swapaxes(1, 2)
    curves = _equalising_curves(blocks.reshape(rows * columns, -1), clip_limit)
    curves = curves.reshape(rows, columns, _BINS)

    top, bottom_tile, down = _neighbours(height, tile_height, rows)
    left, right_tile, across = _neighbours(width, tile_width, columns)
    level = image.astype(np.float32) / _LEVELS_PER_BIN
    bin_index = level.astype(np.int64)
    next_bin = np.minimum(bin_index + 1, _BINS - 1)
    inside = level - bin_index

    def mapped(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        low = curves[row[:, None], column[None], bin_index]
        return low + inside * (curves[row[:, None], column[None], next_bin] - low)

    upper = mapped(top, left) * (1 - across) + mapped(top, right_tile) * across
    lower = mapped(bottom_tile, left) * (1 - across) + mapped(bottom_tile, right_tile) * across
    blended = upper * (1 - down[:, None]) + lower * down[:, None]
    return np.rint(blended * 65535).clip(0, 65535).astype(np.uint16)


def _equalising_curves(blocks: np.ndarray, clip_limit: float) -> np.ndarray:
    """Clipped cumulative histograms of T blocks of n pixels: T×bins, up to 1."""
    count, area = blocks.shape
    bins = blocks.astype(np.int64) // _LEVELS_PER_BIN
    offsets = np.arange(count)[:, None] * _BINS
    histograms = np.bincount((bins + offsets).ravel(), minlength=count * _BINS)
    histograms = histograms.reshape(count, _BINS).astype(np.float32)
    if clip_limit > 0:
        limit = max(int(clip_limit * area / _BINS), 1)
        excess = np.maximum(histograms - limit, 0).sum(axis=1, keepdims=True)
        histograms = np.minimum(histograms, limit) + excess / _BINS
    return np.cumsum(histograms, axis=1) / area


def _neighbours(size: int, tile: int, tiles: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel along one axis: the tile centres on both sides and the weight of the far."""
    position = (np.arange(size, dtype=np.float32) + 0.5) / tile - 0.5
    near = np.floor(position).astype(np.int64)
    weight = position - near
    return near.clip(0, tiles - 1), (near + 1).clip(0, tiles - 1), weight


@TRANSFORMS.register_module()
class MammoCLAHE(BaseTransform):
    """Apply :func:`clahe` to the image; masks are left alone.

    mmseg's own ``CLAHE`` casts to uint8, which destroys 16-bit images silently.

    Required Keys:

    - img (uint8 or uint16, H×W×3 with equal channels, or H×W)

    Modified Keys:

    - img (same dtype and shape)

    Args:
        clip_limit: Highest count of a bin, as a multiple of the mean count.
        tile_grid_size: Number of tiles along (H, W).
    """

    def __init__(self, clip_limit: float = 2.0, tile_grid_size: tuple[int, int] = (8, 8)) -> None:
        self.clip_limit = float(clip_limit)
        self.tile_grid_size = (tile_grid_size[0], tile_grid_size[1])

    def transform(self, results: dict) -> dict:
        """Equalise ``results['img']``, unless an earlier step has broken it."""
        check_levels(results)
        image = results['img']
        grey = image if image.ndim == 2 else np.ascontiguousarray(image[..., 0])
        equalised = clahe(grey, self.clip_limit, self.tile_grid_size)
        if image.ndim == 3:
            equalised = np.repeat(equalised[..., None], image.shape[-1], axis=-1)
        results['img'] = equalised
        results['grey_levels'] = levels_of(equalised)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(clip_limit={self.clip_limit}, '
            f'tile_grid_size={self.tile_grid_size})'
        )
