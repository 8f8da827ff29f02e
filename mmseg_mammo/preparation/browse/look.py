"""Look: what a prepared image and its mask are like, in numbers, and as a small picture."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.breast import find_breast
from mmseg_mammo.io.image import (
    air_is_bright,
    map_intensity,
    read_image,
    read_labels,
    rescale_to_255,
    resize_image,
    resize_mask,
    scale_to_long_side,
)
from mmseg_mammo.io.index import Row, read_index
from mmseg_mammo.preparation.image_statistics import image_statistics

_SIDE = 256  # pixels of the longer side of the copy that is measured
_WHITE = 254  # of 255
_EDGE = 6  # pixels of the copy; the border of a scan is not always of the breast


@dataclass(frozen=True)
class Item:
    """A row of an index, and the folder of that index."""

    folder: Path
    row: Row


@dataclass(frozen=True)
class Look:
    """What was seen of an image.

    Attributes:
        item: The image.
        statistics: Of :func:`.image_statistics`; empty where it could not be read.
        fault: Why it could not be read, or its mask; '' if both could.
        digest: Equal for equal pixels.
        inverted: See :func:`.air_is_bright`.
        upright: From -1, the breast lies along the top or the bottom of the image, to 1, along the
            left or the right. Nearly all images of a set agree.
        white: Share of the breast that is white, 0 to 1.
        mask_share: Share of the image that the mask covers; None without a mask.
        mask_outside: Share of the mask outside of the breast.
    """

    item: Item
    statistics: dict[str, float] = field(default_factory=dict)
    fault: str = ''
    digest: str = ''
    inverted: bool = False
    upright: float = 0.0
    white: float = 0.0
    mask_share: float | None = None
    mask_outside: float = 0.0


@dataclass(frozen=True)
class Small:
    """A small copy: ``picture`` H×W uint8, ``breast`` H×W bool, ``mask`` H×W bool or None."""

    picture: np.ndarray
    breast: np.ndarray
    mask: np.ndarray | None


def read_items(index: Path) -> list[Item]:
    """The images of an index.

    Raises:
        DataIndexError: See :func:`.read_index`; files that are missing are said of their images.
    """
    return [Item(index.parent, row) for row in read_index(index, check_files=False)]


def look_at(item: Item) -> Look:
    """Read an image and its mask, and measure both. What cannot be read is said in ``fault``."""
    try:
        image, mask = _read(item)
    except (MammoError, OSError) as error:
        return Look(item, fault=' '.join(str(error).split()))
    small = _shrink(image, mask, _SIDE)
    white = small.picture[small.breast] >= _WHITE
    marked = small.mask is not None and small.mask.any()
    return Look(
        item,
        image_statistics(image),
        digest=hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest(),
        inverted=air_is_bright(image),
        upright=_upright(small.breast),
        white=float(white.mean()) if white.size else 0.0,
        mask_share=None if mask is None else float(mask.mean()),
        mask_outside=float((~small.breast)[small.mask].mean()) if marked else 0.0,
    )


def picture_of(item: Item, side: int) -> Small | None:
    """A small copy of an image and its mask; None where one of them cannot be read.

    Args:
        item: The image.
        side: Pixels of the longer side.
    """
    try:
        return _shrink(*_read(item), side)
    except (MammoError, OSError):
        return None


def _upright(breast: np.ndarray) -> float:
    """How much of the left or right edge the breast takes, less that of the top or bottom edge."""
    sides = max(breast[:, :_EDGE].any(axis=1).mean(), breast[:, -_EDGE:].any(axis=1).mean())
    ends = max(breast[:_EDGE].any(axis=0).mean(), breast[-_EDGE:].any(axis=0).mean())
    return float(sides - ends)


def _read(item: Item) -> tuple[np.ndarray, np.ndarray | None]:
    image = read_image(item.folder / item.row.image)
    if not item.row.mask:
        return image, None
    mask = read_labels(item.folder / item.row.mask) > 0
    if mask.shape != image.shape:
        shapes = [f'{height}×{width}' for height, width in (mask.shape, image.shape)]
        raise MammoError(f'mask of {shapes[0]} pixels, image of {shapes[1]}')
    return image, mask


def _shrink(image: np.ndarray, mask: np.ndarray | None, side: int) -> Small:
    shape = scale_to_long_side((image.shape[0], image.shape[1]), side)
    levels = rescale_to_255(map_intensity(resize_image(image, shape), 'minmax'))
    picture = cv2.convertScaleAbs(levels)
    small = None if mask is None else resize_mask(mask, shape)
    return Small(picture, find_breast(picture), small)
