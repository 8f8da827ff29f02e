"""Masks: their kinds, and files of them as bool arrays on the grid of the image. Pure functions.

Shape shorthand: H, W are height and width in pixels; pixel (0, 0) is the top left.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import resize_mask

# An image of which a reader said that it has a lesion, and nobody where.
IMAGE_LABEL = 'image-label'
# How masks came about; every result says so unless all masks are contours.
MASK_KINDS = ('contour', 'weak', 'phantom', IMAGE_LABEL)
# The label of a pixel of which nothing is known; every loss ignores it.
IGNORED = 255
# Compression leaves many values close to 0 and to the maximum; a label map has few values.
MAX_LABEL_VALUES = 5
MAX_GREY_SHARE = 0.3
FAINT = 8  # levels
ASPECT_TOLERANCE = 0.01
_LABEL_MAP = 'For a label map, say which values mean lesion (--lesion-values of mammoseg prepare or import-predictions)'


def is_image_label(row: Mapping[str, Any]) -> bool:
    """Whether an image is known to have a lesion, but not where: it has no mask.

    Args:
        row: Of an index, or what has its columns ``annotated`` and ``mask_kind``.

    >>> is_image_label({'annotated': 'lesion', 'mask_kind': 'image-label'})
    True
    """
    return row.get('annotated') == 'lesion' and row.get('mask_kind') == IMAGE_LABEL


def binarise(values: np.ndarray, place: str, lesion_values: Collection[int] = ()) -> np.ndarray:
    """The lesion pixels of a mask file: above half of its maximum, or of the given values.

    Args:
        values: H×W, uint8 or uint16, as read from the file.
        place: What an error names (the file).
        lesion_values: Values that mean lesion, for label maps; every other value does not.

    Returns:
        H×W bool; all False for an all-zero mask.

    Raises:
        DataFileError: No background at all; or more than two values which are not the two blurred
            clusters that JPEG compression or smooth resizing make of a binary mask.

    >>> binarise(np.array([[0, 255]], np.uint8), 'mask.png')
    array([[False,  True]])
    """
    if lesion_values:
        return np.isin(values, list(lesion_values))
    if values.max() > 0 and values.min() > values.max() / 4:
        raise DataFileError(
            f'{place}: no background, its values go from {values.min()} to {values.max()}',
            'a mask of 0 and one other value',
            _LABEL_MAP,
        )
    counts = np.bincount(values.ravel())
    present = np.flatnonzero(counts)
    peak = int(present[-1])
    if len(present) > 2:
        lesion = counts[peak // 2 + 1 :].sum()
        grey = counts[peak // 4 + 1 : 3 * peak // 4].sum()
        few = len(present) <= MAX_LABEL_VALUES and not _is_faint_noise(present)
        if few or grey > MAX_GREY_SHARE * lesion:
            shown = ', '.join(map(str, present[:8])) + (', …' if len(present) > 8 else '')
            raise DataFileError(
                f'{place}: {len(present)} different values ({shown})',
                'a mask of 0 and one other value',
                f'{_LABEL_MAP}; a photograph here means that image and mask are swapped',
            )
    return values > peak / 2


def _is_faint_noise(present: np.ndarray) -> bool:
    """Whether a few values lie close to both ends, on both sides, as JPEG of high quality does."""
    peak = int(present[-1])
    close = (present <= FAINT) | (present >= peak - FAINT)
    return peak > 4 * FAINT and bool(close.all()) and bool(np.isin([1, peak - 1], present).all())


def fit_mask(mask: np.ndarray, shape: tuple[int, int], place: str) -> np.ndarray:
    """Bring a mask onto the grid of its image, if the two differ by a uniform scale only.

    Args:
        mask: H×W bool.
        shape: (H, W) of the image.
        place: What an error names (the file).

    Returns:
        Bool mask of ``shape``, resized by nearest neighbour.

    Raises:
        DataFileError: The aspect ratios differ by more than 1 %.

    >>> fit_mask(np.array([[False, True]]), (2, 4), 'mask.png')
    array([[False, False,  True,  True],
           [False, False,  True,  True]])
    """
    if mask.shape == shape:
        return mask
    stretch = (mask.shape[0] * shape[1]) / (mask.shape[1] * shape[0])
    if abs(stretch - 1) > ASPECT_TOLERANCE:
        raise DataFileError(
            f'{place}: the mask is {mask.shape[0]}×{mask.shape[1]} (height×width), its image '
            f'{shape[0]}×{shape[1]}',
            'the same size, or the same aspect ratio within 1 %',
            'Export image and mask on the same grid; the mask may belong to another image',
        )
    return resize_mask(mask, shape)
