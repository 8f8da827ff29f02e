"""Mask resolution of CBIS-DDSM: tells the mask of a region from its crop by content, never by name.

The file names of the case description CSVs pick the cropped image instead of the mask for
2,453 of the 3,568 abnormalities of the published collection. The mask is the instance that has
about the shape of the full image and at most two values; the crop is small and continuous.
"""

import re
from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.preparation.cbis_ddsm.instance import Instance
from mmseg_mammo.preparation.cbis_ddsm.table import Abnormality

SHAPE_TOLERANCE = 0.15  # each side of a mask against that of its full image
# Scales nearer to 1 than this are a few pixels more or less, not another resolution.
SAME_SCALE = 0.05
ROUNDING = 2  # pixels by which a uniformly scaled side may miss its exact length
JPEG_NOISE, JPEG_SHARE = 32, 0.01  # grey levels around both values; pixels beyond them
UNIFORM, SUSPECT = 'uniform scale', 'suspect resize'
MISSING, UNDECIDED = 'mask missing', 'undecided'
# 000000.dcm, 1-1.dcm, 1-147.jpg: names that count the files of a series.
_NUMBERED = re.compile(r'\d{6}|\d+-\d+')


class UnresolvedError(Exception):
    """No mask can be told for a region.

    Args:
        reason: A short term that the audit counts by.
        detail: What was found instead.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def find_mask(instances: Sequence[Instance], image_shape: tuple[int, int]) -> tuple[Instance, str]:
    """Tell the mask among all instances of the mask series and of the crop series.

    Headers are compared first; only instances of about the image's shape are decoded.

    Args:
        instances: The candidates, in any order.
        image_shape: (H, W) of the full image.

    Returns:
        The mask, and the rule that told it: ``content``, or the tie-breaker that was needed.

    Raises:
        UnresolvedError: None of the candidates, or more than one, can be the mask.
        DataFileError: A candidate of the image's shape cannot be decoded, nor a copy of it.
    """
    listing = ', '.join(map(str, instances)) or 'nothing'
    fitting = [i for i in instances if _about_same(i.shape, image_shape)]
    if not fitting:
        height, width = image_shape
        detail = f'found {listing}; the full image has {height}×{width}'
        raise UnresolvedError(MISSING, detail)
    masks = [instance for instance in _decodable(fitting) if has_two_levels(instance.pixels)]
    if not masks:
        raise UnresolvedError(UNDECIDED, f'no instance with two values among {listing}')
    masks, rule = _break_ties(masks)
    if any(
        not np.array_equal(lesion_pixels(masks[0].pixels), lesion_pixels(copy.pixels))
        for copy in masks[1:]
    ):
        raise UnresolvedError(UNDECIDED, f'several masks that differ among {listing}')
    return masks[0], rule


def find_crop(instances: Sequence[Instance], mask: Instance) -> Instance | None:
    """The one instance with fewer pixels than ``mask``, if there is just one; copies are one."""
    area = mask.shape[0] * mask.shape[1]
    crops = [i for i in instances if i.shape[0] * i.shape[1] < area]
    return crops[0] if len({i.uid or i.path for i in crops}) == 1 else None


def has_two_levels(pixels: np.ndarray) -> bool:
    """Whether an image (H×W, uint8 or uint16) has at most two values.

    8-bit images may carry JPEG noise: all but 1 % of the pixels then lie within 32 levels of 0
    or of the maximum.
    """
    if pixels.dtype != np.uint8 and len(np.unique(pixels[:: max(1, pixels.shape[0] // 8)])) > 2:
        return False  # a few rows tell of nearly every image
    low, top = int(pixels.min()), int(pixels.max())
    if np.count_nonzero(pixels == low) + np.count_nonzero(pixels == top) >= pixels.size:
        return True
    counts = cv2.calcHist([pixels], [0], None, [top + 1], [0, top + 1]).ravel()
    between = counts[JPEG_NOISE + 1 : max(top - JPEG_NOISE, 0)].sum()
    return pixels.dtype == np.uint8 and top > 4 * JPEG_NOISE and between <= JPEG_SHARE * pixels.size


def lesion_pixels(pixels: np.ndarray) -> np.ndarray:
    """Lesion pixels, H×W bool: those above half of the maximum ({0, 2}, {0, 255}, {0, 65280})."""
    return pixels > int(pixels.max()) // 2


def shape_repair(mask: tuple[int, int], image: tuple[int, int]) -> str:
    """Name the repair that a mask of shape ``mask`` needs to fit ``image``, both (H, W).

    Returns:
        Nothing for equal shapes; ``uniform scale`` for another resolution of the same film (a
        few masks of the collection have 0.870 of it); ``suspect resize`` for anything else,
        such as a few pixels that are missing on some side: resizing may misplace the lesion.
    """
    if mask == image:
        return ''
    scale = (mask[0] * mask[1] / (image[0] * image[1])) ** 0.5
    misfit = max(abs(side - scale * full) for side, full in zip(mask, image, strict=True))
    uniform = abs(scale - 1) > SAME_SCALE and misfit <= ROUNDING
    return UNIFORM if uniform else SUSPECT


def placement_repair(case: Abnormality, mask: Instance, instances: Sequence[Instance]) -> str:
    """Name how the place of the mask differs from what the CSV says; nothing if it does not.

    Returns:
        ``columns swapped`` if the mask is in the series that the CSV gives the crop;
        ``split series`` if mask and crop lie in two series, each where the CSV says;
        ``file order`` if the CSV names another file of the common series.
    """
    if case.mask_series != case.crop_series:
        return 'columns swapped' if mask.series == case.crop_series else 'split series'
    names = sorted(i.path.stem for i in instances if i.path.parent == mask.path.parent)
    numbered = len(names) == 2 and all(_NUMBERED.fullmatch(name) for name in names)
    named = names[case.mask_position] if numbered and case.mask_position < 2 else mask.path.stem
    return '' if named == mask.path.stem else 'file order'


def _decodable(instances: Sequence[Instance]) -> list[Instance]:
    """Those that can be decoded; a damaged one raises its error unless a copy of it is sound."""
    sound, errors = [], {}
    for instance in instances:
        try:
            _ = instance.pixels
            sound.append(instance)
        except DataFileError as error:
            errors[instance.uid or instance.path] = error
    for key in errors.keys() - {instance.uid for instance in sound}:
        raise errors[key]
    return sound


def _about_same(shape: tuple[int, int], image: tuple[int, int]) -> bool:
    ratios = (side / full for side, full in zip(shape, image, strict=True))
    return all(abs(ratio - 1) <= SHAPE_TOLERANCE for ratio in ratios)


def _break_ties(masks: list[Instance]) -> tuple[list[Instance], str]:
    """Narrow several candidates by what else is usual of a mask; name the last rule used."""

    def is_largest(instance: Instance) -> bool:
        return instance.shape[0] * instance.shape[1] == max(i.shape[0] * i.shape[1] for i in masks)

    preferences = {
        '8-bit': lambda i: i.bits == 8,
        'series description': lambda i: 'mask' in i.description.lower(),
        'larger': is_largest,
    }
    rule = 'content'
    for name, prefers in preferences.items():
        kept = [i for i in masks if prefers(i)]
        if 0 < len(kept) < len(masks):
            masks, rule = kept, name
    return masks, rule
