"""Breast: the area of one mammogram that is breast, pectoral muscle included. Pure functions.

NumPy and OpenCV instead of scikit-image, whose ``threshold_li`` is one loop and which the package
does not need otherwise.
"""

import cv2
import numpy as np

SIDE = 256  # pixels of the longer side of the copy that is looked at
_BLUR = 1.5  # standard deviation in pixels of the copy: the grain of film, and CLAHE's
_LENIENT = 0.5  # of the threshold: processed images show fat almost as dark as air
_CLEAREST = 0.99  # share of grey levels below the one taken for white: labels and frames are whiter
_FRAME = 9  # pixels of the copy: what is thinner, such as letters and edges of the film, goes
_GAP = 33  # pixels of the copy: dark fat that opens to the border is closed up to this width
_RIM = 5  # pixels of the copy that are added all around, for lesions at the skin
_CORE = 8  # pixels of the copy that are taken away again: the rim, and what blur and leniency add
_PART = 0.25  # share of the largest part that another one needs to be breast as well
_CONTRAST = 0.45  # the dark side's mean over the bright one's, above which nothing is background


def find_breast(image: np.ndarray) -> np.ndarray:
    """The area of the breast, with the pectoral muscle and a small rim of background.

    What is brighter than half the cross-entropy threshold of a blurred small copy, without thin
    structures, without labels, which are small, and with holes filled. It errs on the large side:
    ``docs/calibrate.md`` says how many lesion pixels it keeps on real images.

    Args:
        image: H×W, uint8, uint16 or float; the background is dark. May be equalised (CLAHE).

    Returns:
        H×W bool. All of it where the breast fills the image, so that there is no background;
        nothing of it where all pixels are black.

    Raises:
        ValueError: It has another shape than H×W.

    >>> image = np.zeros((64, 64), np.uint8)
    >>> image[16:48, :32] = 200
    >>> found = find_breast(image)
    >>> bool(found[20, 10]), bool(found[20, 60])
    (True, False)
    """
    if image.ndim != 2:
        raise ValueError(f'find_breast: an image of shape {image.shape}; it needs H×W')
    levels = np.nan_to_num(np.asarray(image, np.float32))
    if levels.min() == levels.max():
        return np.full(image.shape, levels.max() > 0)
    copy = _small_copy(levels)
    bright = copy > _LENIENT * li_threshold(copy)
    if bright.all() or copy[~bright].mean() > _CONTRAST * copy[bright].mean():
        return np.ones(image.shape, bool)
    found = cv2.resize(
        _body(bright).astype(np.float32), image.shape[::-1], interpolation=cv2.INTER_LINEAR
    )
    return found > 0.5


def breast_core(image: np.ndarray) -> np.ndarray:
    """The breast without the rim of background that :func:`find_breast` adds, for its grey levels.

    Args:
        image: As of :func:`find_breast`.

    Returns:
        H×W bool; all of it where there is no background, or nothing but background.
    """
    found = find_breast(image)
    scale = min(1.0, SIDE / max(found.shape))
    size = tuple(max(1, round(scale * n)) for n in found.shape[::-1])
    small = cv2.resize(found.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    core = cv2.erode(small, _ellipse((2 * _CORE + 1) * max(small.shape) / SIDE))
    whole = cv2.resize(core, found.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    return whole if whole.any() else np.ones(found.shape, bool)


def _small_copy(levels: np.ndarray) -> np.ndarray:
    """A blurred copy, 0 for the darkest to 1 for bright tissue."""
    scale = min(1.0, SIDE / max(levels.shape))
    size = tuple(max(1, round(scale * n)) for n in levels.shape[::-1])
    copy = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
    copy = cv2.GaussianBlur(copy, (0, 0), _BLUR * max(copy.shape) / SIDE)
    low, high = float(copy.min()), float(np.quantile(copy, _CLEAREST))
    if high <= low:
        high = float(copy.max())
    return np.clip((copy - low) / (high - low), 0, 1)


def li_threshold(levels: np.ndarray) -> float:
    """The threshold of least cross-entropy (Li and Tam, Pattern Recognition Letters 19, 1998).

    Args:
        levels: Numbers from 0 to 1, not all equal.

    Returns:
        From 0 to 1: the fixed point t = (a − b) / (ln a − ln b) of the means a of the levels up
        to t and b of those above. It lies below Otsu's, as fat at the skin does.

    >>> round(li_threshold(np.array([0.0, 0.1, 0.8, 1.0])), 2)
    0.29
    """
    floor = 1e-3  # the logarithm of black is not a number
    cut = float(levels.mean())
    for _ in range(100):
        above = levels > cut
        dark = max(float(levels[~above].mean()), floor)
        bright = max(float(levels[above].mean()), 2 * floor)
        following = (bright - dark) / (np.log(bright) - np.log(dark))
        if abs(following - cut) < 1e-4:
            break
        cut = min(float(following), float(levels.max()) - 1e-6)
    return cut


def _body(bright: np.ndarray) -> np.ndarray:
    """The breast among all that is bright, H×W bool: parts of it joined, holes filled, a rim."""
    scale = max(bright.shape) / SIDE
    margin = _ellipse(_GAP * scale).shape[0]
    inner = cv2.morphologyEx(bright.astype(np.uint8), cv2.MORPH_OPEN, _ellipse(_FRAME * scale))
    count, labels, facts, _ = cv2.connectedComponentsWithStats(inner, connectivity=8)
    areas = facts[1:, cv2.CC_STAT_AREA]
    if not count - 1:  # all of it is thin
        return bright
    kept = 1 + np.flatnonzero(areas >= _PART * areas.max())
    found = np.isin(labels, kept).astype(np.uint8)
    padded = np.pad(found, margin, mode='edge')
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _ellipse(_GAP * scale))
    closed = closed[margin:-margin, margin:-margin]
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(closed), outlines, -1, 1, cv2.FILLED)
    return cv2.dilate(filled, _ellipse((2 * _RIM + 1) * scale)) > 0


def _ellipse(width: float) -> np.ndarray:
    odd = max(1, 2 * round((width - 1) / 2) + 1)
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd, odd))
