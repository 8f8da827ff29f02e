"""Image statistics: grey levels and shape of mammograms, in numbers that can be compared."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_mammo.evaluation.breast import find_breast
from mmseg_mammo.io.image import map_intensity, rescale_to_255

QUANTILES = (0, 1, 5, 25, 50, 75, 95, 99, 100)  # percent
_SIDE = 256  # pixels of the longer side on which grey levels are counted
_BLUR = 2.0  # pixels of it, beyond which structure is not fine
_RIM = np.ones((15, 15), np.uint8)  # of the breast, left out there: its outline is no structure


def image_statistics(image: np.ndarray) -> dict[str, float]:
    """Grey levels and shape of one mammogram.

    Args:
        image: H×W, uint8 or uint16, as it was loaded.

    Returns:
        ``height`` and ``width`` (px); ``aspect``, height / width; ``bits``, 8 or 16; ``breast``, the
        share of the image that the breast covers, 0 to 1; ``side``, from -1 (the breast lies left) to
        1 (right); ``level_5`` to ``level_95``, percentiles of the grey levels in the breast, and
        ``outside``, the mean level outside, on a scale of 0, the darkest pixel of the image, to 255;
        ``detail``, the mean difference of the breast from its blurred copy, on that scale. NaN where
        there is no breast, or nothing outside.

    >>> found = image_statistics(np.eye(8, dtype=np.uint8))
    >>> found['aspect'], found['bits']
    (1.0, 8.0)
    """
    height, width = image.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = rescale_to_255(
        map_intensity(cv2.resize(image, size, interpolation=cv2.INTER_AREA), 'minmax')
    )
    breast = find_breast(small)
    inside, outside = small[breast], small[~breast]
    levels = np.percentile(inside, (5, 50, 95)) if inside.size else [np.nan] * 3
    columns = np.nonzero(breast)[1]
    return {
        'height': float(height),
        'width': float(width),
        'aspect': height / width,
        'bits': 8.0 * image.dtype.itemsize,
        'breast': float(breast.mean()),
        'side': 2 * float(columns.mean() + 0.5) / size[0] - 1 if columns.size else float('nan'),
        **{f'level_{p}': float(v) for p, v in zip((5, 50, 95), levels, strict=True)},
        'outside': float(outside.mean()) if outside.size else float('nan'),
        'detail': _detail(small, breast),
    }


def summarise_statistics(images: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Of each number of N images the :data:`QUANTILES`, without NaN; empty where nothing is left.

    Args:
        images: Of :func:`image_statistics`.
    """
    found = {}
    for name in images[0] if images else ():
        values = np.array([image[name] for image in images])
        values = values[~np.isnan(values)]
        found[name] = np.percentile(values, QUANTILES).tolist() if values.size else []
    return found


def _detail(small: np.ndarray, breast: np.ndarray) -> float:
    inner = cv2.erode(breast.astype(np.uint8), _RIM) > 0
    fine = np.abs(small - cv2.GaussianBlur(small, (0, 0), _BLUR))[inner]
    return float(fine.mean()) if fine.size else float('nan')
