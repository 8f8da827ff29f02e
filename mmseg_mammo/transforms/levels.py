"""Grey levels: the one channel of an image, and steps that change its depth or range."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from mmseg_mammo.errors import DataFileError

# Of floats from 0 to 255: resizing by splines overshoots a little.
MARGIN = 25.5


def levels_of(image: np.ndarray) -> tuple[str, int]:
    """The dtype name and the highest level of an image, for ``results['grey_levels']``."""
    return image.dtype.name, int(image.max(initial=0))


def grey_of(image: np.ndarray) -> np.ndarray | None:
    """The one channel of an image, H×W and contiguous; None if its channels differ.

    Args:
        image: H×W, or H×W×C with C from 1 on. Channels that are one memory are not compared.
    """
    if image.ndim == 2:
        return np.ascontiguousarray(image)
    grey: np.ndarray = np.ascontiguousarray(image[..., 0])
    if image.strides[2] and not all(
        np.array_equal(grey, image[..., channel]) for channel in range(1, image.shape[2])
    ):
        return None
    return grey


def like_before(grey: np.ndarray, before: np.ndarray) -> np.ndarray:
    """A changed channel with the dimensions of the image that it was the channel of.

    Args:
        grey: H×W.
        before: H×W or H×W×C; if its channels are one memory, so are those of the result.

    Returns:
        H×W or H×W×C.
    """
    if before.ndim == 2:
        return grey
    shape = (*grey.shape, before.shape[2])
    if not before.strides[2]:
        return np.broadcast_to(grey[..., None], shape)
    return cv2.merge([grey] * shape[2]).reshape(shape)


def broken_levels(image: np.ndarray, loaded: tuple[str, int] | None = None) -> str:
    """The damage that a step has done to the depth or range of grey levels; empty if none.

    Args:
        image: H×W×3 as it comes to be packed.
        loaded: The dtype and the highest level with which it was loaded, or was deliberately
            given since; None if nobody noted it.
    """
    kind, high = image.dtype.name, image.max(initial=0)
    if image.dtype.kind == 'f':
        low = image.min(initial=0)
        # Resizing by splines overshoots a little. From 0 to 1 all would be as good as black.
        if not (low >= -MARGIN and high <= 255 + MARGIN) or 0.5 < high <= 1:
            return f'floats from {low:.4g} to {high:.4g}, instead of from 0 to 255'
        return ''
    if kind not in ('uint8', 'uint16'):
        return f'levels of {kind}'
    if loaded and kind != loaded[0]:
        return f'{kind} out of {loaded[0]}'
    # The last 8 bits in a 16-bit array, as of mmseg's CLAHE, or what was clipped to 8 bits, as by
    # Brightness of mmpretrain. A dark part of an image has fewer levels, and its top in few pixels.
    suspect = kind == 'uint16' and loaded is not None and loaded[1] > 255 and 200 <= high <= 255
    if suspect and (len(np.unique(image[..., 0])) >= 100 or _clipped(image[..., 0])):
        return f'16-bit levels from 0 to {high} only'
    return ''


def _clipped(grey: np.ndarray) -> bool:
    """Whether 1 % of the pixels or more, but not all, are at the very top of 8 bits."""
    share = float((grey == 255).mean())
    return 0.01 <= share < 1


def check_levels(results: Mapping[str, Any]) -> None:
    """Refuse an image whose grey levels a step has broken; see :func:`broken_levels`.

    Args:
        results: With ``img``, and ``grey_levels`` if a step noted them.

    Raises:
        DataFileError: They are broken.
    """
    image = results['img']
    if image.ndim == 3 and not image.strides[2]:  # channels that are one memory
        image = image[..., :1]
    if broken := broken_levels(image, results.get('grey_levels')):
        raise DataFileError(
            f'{results.get("img_path", "an image")}: a step of the pipeline has broken its grey '
            f'levels: {broken}',
            'steps that keep depth and range',
            'Leave out steps that work in 8 bits or on colours only, such as CLAHE, AdjustGamma, '
            'PhotoMetricDistortion and RGB2Gray of MMSegmentation; MammoCLAHE and RandomIntensity '
            'are for 8 and 16 bits',
        )
