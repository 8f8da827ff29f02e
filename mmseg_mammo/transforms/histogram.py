"""Histogram matching: gives the breast of an image the grey levels of those of a training."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.breast import breast_core
from mmseg_mammo.transforms.intensity import grey_channel
from mmseg_mammo.transforms.levels import levels_of, like_before

COUNT = 33  # quantiles of a reference


def breast_quantiles(image: np.ndarray, count: int = COUNT) -> np.ndarray:
    """Grey levels of the breast, from its darkest to its brightest pixel.

    Args:
        image: H×W, uint8 or uint16.
        count: Number of quantiles, at equal distances from 0 to 1.

    Returns:
        ``count`` levels on the scale of 255, float64; of the whole image if it has no breast.
    """
    inside = _inside(image)
    shares = np.linspace(0, 1, count)
    levels: np.ndarray = np.quantile(inside, shares) * (255 / np.iinfo(image.dtype).max)
    return levels


def match_levels(image: np.ndarray, reference: Sequence[float]) -> np.ndarray:
    """Map grey levels so that the breast has the quantiles of a reference; black stays black.

    A level goes to the quantile of the reference that it is of the breast: the share of darker
    pixels and half of those that are equal. What is darker or brighter than the breast gets the
    lowest or the highest level of the reference.

    Args:
        image: H×W, uint8 or uint16.
        reference: As of :func:`breast_quantiles`.

    Returns:
        H×W, dtype of ``image``.
    """
    top = np.iinfo(image.dtype).max
    counts = np.bincount(_inside(image), minlength=int(image.max(initial=0)) + 1)
    shares = (np.cumsum(counts) - counts / 2) / counts.sum()
    mapped = np.interp(shares, np.linspace(0, 1, len(reference)), reference) * (top / 255)
    table = np.rint(mapped).clip(0, top).astype(image.dtype)
    table[0] = 0
    found: np.ndarray = table[image]
    return found


def _inside(image: np.ndarray) -> np.ndarray:
    """The pixels of the breast, in one row; all where there is none."""
    return image[breast_core(image)]


@TRANSFORMS.register_module()
class MatchHistogram(BaseTransform):
    """Apply :func:`match_levels` to the image; masks are left alone.

    Put it behind ``MapIntensity``. A training fills in a ``reference`` that its config lacks: the
    mean of :func:`breast_quantiles` of its images. Its checkpoints keep it.

    Required Keys:

    - img (uint8 or uint16; H×W, H×W×1, or H×W×3 with equal channels)

    Modified Keys:

    - img (dtype and shape kept)
    - grey_levels

    Args:
        reference: Levels of the breast on the scale of 255 at quantiles of equal distances, from
            that of its darkest pixel to that of its brightest.

    Raises:
        MammoError: There is no reference, or it is no such list.
    """

    cacheable = one_channel = True

    def __init__(self, *, reference: Sequence[float] | None = None) -> None:
        if reference is None:
            raise MammoError(
                'MatchHistogram without reference',
                'a list of grey levels, which the config in a checkpoint has',
                'Leave the config out: mammoseg test CHECKPOINT',
            )
        self.reference = tuple(float(level) for level in reference)
        rising = all(a <= b for a, b in zip(self.reference, self.reference[1:], strict=False))
        if len(self.reference) < 2 or not rising or not self._in_range():
            raise MammoError(
                f'reference={list(self.reference)} of MatchHistogram',
                'two grey levels or more from 0 to 255, rising',
                'Leave it out of the config of the training, which fills it in',
            )

    def _in_range(self) -> bool:
        return self.reference[0] >= 0 and self.reference[-1] <= 255

    def transform(self, results: dict) -> dict:
        """Map the levels of ``results['img']``.

        Raises:
            DataFileError: The image has colours, or is of another dtype or shape.
        """
        matched = match_levels(grey_channel(results), self.reference)
        results['img'] = like_before(matched, results['img'])
        results['grey_levels'] = levels_of(matched)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(reference={self.reference})'
