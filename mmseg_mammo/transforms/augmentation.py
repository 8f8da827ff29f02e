"""Augmentation: random affine maps and intensity changes of mammograms and masks.

Random numbers come from NumPy's global generator, as in mmcv and mmseg; the dataset seeds it for
every image and epoch. Each class draws its numbers and calls a pure function.
"""

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.transforms.full_image import refuse_kept
from mmseg_mammo.transforms.levels import grey_of, like_before


def warp(
    image: np.ndarray, mask: np.ndarray | None, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Apply one affine map to an image and its mask; background fills what comes from outside.

    Args:
        image: H×W or H×W×C, uint8, uint16 or float32; interpolated bilinearly.
        mask: H×W with values 0 and 1, or None. A pixel is lesion where the interpolated mask is
            above one half; a connected region that would vanish marks the pixels it falls into.
        matrix: 2×3, from old to new (x, y) in pixels.

    Returns:
        Image and mask, shapes and dtypes kept.
    """
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
    if mask is None:
        return moved, None
    share = cv2.warpAffine(mask.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    kept = share > 0.5
    for rows, columns in _regions(mask):
        x, y = np.rint(matrix @ [columns, rows, np.ones(len(rows))]).astype(int)
        inside = (x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1])
        if not kept[y[inside], x[inside]].any():
            kept[y[inside], x[inside]] = True
    return moved, kept.astype(mask.dtype)


def _regions(mask: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of the pixels of each connected region of a mask."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8))
    rows, columns = np.nonzero(mask)  # one look at the mask, however many regions it has
    names = labels[rows, columns]
    order = np.argsort(names, kind='stable')
    ends = np.cumsum(np.bincount(names, minlength=count))
    for start, end in pairwise(ends):
        chosen = order[start:end]
        yield rows[chosen], columns[chosen]


def affine_matrix(
    shape: tuple[int, int],
    degrees: float,
    scale: float,
    shift: tuple[float, float],
    aspect: float = 1.0,
) -> np.ndarray:
    """2×3 map: compress the width, turn by ``degrees`` and scale around the centre, then shift.

    Args:
        shape: (H, W) in pixels.
        degrees: Counter-clockwise.
        scale: Above 1 enlarges.
        shift: Along (y, x), as shares of (H, W).
        aspect: Factor of the width alone, before all else; below 1 compresses.
    """
    height, width = shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    matrix[:, 2] += np.array([shift[1] * width, shift[0] * height])
    if aspect != 1:
        middle = (width - 1) / 2
        matrix = matrix @ np.array([[aspect, 0, (1 - aspect) * middle], [0, 1, 0], [0, 0, 1]])
    return matrix


def change_intensity(
    image: np.ndarray, gamma: float, contrast: float, brightness: float, copies: int = 1
) -> np.ndarray:
    """Change the grey levels of an image, dtype kept.

    On levels scaled to 0 to 1: ``level ** gamma``, then ``contrast`` around the mean of the
    image, then ``brightness`` is added. Black stays black, so that the air around the breast
    does: a film's background tells nothing about its exposure.

    Args:
        image: H×W or H×W×C, uint8 or uint16.
        gamma: Exponent.
        contrast: Factor.
        brightness: Share of the full range.
        copies: Equal channels that ``image`` stands for. The sum of each level three times, in
            float32, rounds otherwise than that of each once.
    """
    top = np.iinfo(image.dtype).max
    # Each level once, unless there are fewer pixels.
    levels = image if image.size <= top else np.arange(top + 1, dtype=image.dtype)
    level = (levels.astype(np.float32) / top) ** gamma
    mean = float(np.repeat(level if levels is image else level[image], copies).mean())
    changed = (level - mean) * contrast + mean + brightness
    changed[levels == 0] = 0
    mapped: np.ndarray = np.rint(changed.clip(0, 1) * top).astype(image.dtype)
    return mapped if levels is image else mapped[image]


@TRANSFORMS.register_module()
class RandomLesionAffine(BaseTransform):
    """Compress, turn, scale and shift image and mask at random; a lesion inside is never lost.

    Required Keys:

    - img
    - gt_seg_map (optional)

    Modified Keys:

    - img, gt_seg_map (shapes and dtypes kept)

    Args:
        prob: Probability that anything is done.
        degrees: Largest angle to either side.
        scale: Smallest and largest factor; drawn log-uniformly.
        shift: Largest shift along each axis, as a share of the side.
        aspect: Smallest and largest factor of the width alone; drawn log-uniformly. Images that
            were stretched to a square so learn other aspects: 0.55 to 1 reaches most that there
            are. (1, 1) draws no number.

    Raises:
        MammoError: ``aspect`` is not two positive numbers, the smaller one first.
    """

    one_channel = True

    def __init__(
        self,
        *,
        prob: float = 0.5,
        degrees: float = 15.0,
        scale: tuple[float, float] = (0.8, 1.25),
        shift: float = 0.05,
        aspect: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        self.prob = prob
        self.degrees = degrees
        self.scale = (scale[0], scale[1])
        self.shift = shift
        self.aspect = (aspect[0], aspect[1])
        if not 0 < self.aspect[0] <= self.aspect[1]:
            raise MammoError(
                f'aspect={self.aspect} of RandomLesionAffine',
                'two positive numbers, the smaller one first, such as (0.55, 1.0)',
            )

    def transform(self, results: dict) -> dict:
        """Warp ``results['img']`` and ``results['gt_seg_map']``."""
        refuse_kept(results, type(self).__name__)
        if np.random.random() >= self.prob:
            return results
        degrees = np.random.uniform(-self.degrees, self.degrees)
        scale = float(np.exp(np.random.uniform(*np.log(self.scale))))
        down, right = np.random.uniform(-self.shift, self.shift, 2)
        aspect = 1.0
        if self.aspect != (1, 1):
            aspect = float(np.exp(np.random.uniform(*np.log(self.aspect))))
        image, mask = results['img'], results.get('gt_seg_map')
        if is_image_label(results):
            mask = None  # 255 everywhere, and so it stays
        matrix = affine_matrix(image.shape[:2], degrees, scale, (down, right), aspect)
        grey = grey_of(image)
        warped, moved = warp(image if grey is None else grey, mask, matrix)
        results['img'] = warped if grey is None else like_before(warped, image)
        if moved is not None:
            results['gt_seg_map'] = moved
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, degrees={self.degrees}, '
            f'scale={self.scale}, shift={self.shift}, aspect={self.aspect})'
        )


@TRANSFORMS.register_module()
class RandomIntensity(BaseTransform):
    """Change gamma, contrast and brightness at random, in 8 or 16 bits.

    Put it before ``MammoCLAHE``, which in use follows the scanner. Behind it where CLAHE comes
    before the resizing, which is then made once and cached.

    Required Keys:

    - img (uint8 or uint16)

    Modified Keys:

    - img (shape and dtype kept)

    Args:
        prob: Probability that anything is done.
        gamma: Smallest and largest exponent; drawn log-uniformly.
        contrast: Largest change of the factor around 1.
        brightness: Largest addition, as a share of the full range.
    """

    one_channel = True

    def __init__(
        self,
        *,
        prob: float = 0.5,
        gamma: tuple[float, float] = (0.7, 1.5),
        contrast: float = 0.2,
        brightness: float = 0.1,
    ) -> None:
        self.prob = prob
        self.gamma = (gamma[0], gamma[1])
        self.contrast = contrast
        self.brightness = brightness

    def transform(self, results: dict) -> dict:
        """Change ``results['img']``."""
        if np.random.random() >= self.prob:
            return results
        gamma = float(np.exp(np.random.uniform(*np.log(self.gamma))))
        contrast = 1 + np.random.uniform(-self.contrast, self.contrast)
        brightness = np.random.uniform(-self.brightness, self.brightness)
        image = results['img']
        grey = grey_of(image)
        if grey is None:
            results['img'] = change_intensity(image, gamma, contrast, brightness)
            return results
        copies = 1 if image.ndim == 2 else image.shape[2]
        changed = change_intensity(grey, gamma, contrast, brightness, copies)
        results['img'] = like_before(changed, image)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, gamma={self.gamma}, '
            f'contrast={self.contrast}, brightness={self.brightness})'
        )
