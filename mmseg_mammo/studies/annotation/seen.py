"""What a model tells of an image that may be annotated next. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.breast import find_breast


@dataclass(frozen=True)
class Seen:
    """One image as a model sees it.

    Attributes:
        key: Its unique name.
        lesion: Whether the model marks anything.
        entropy: See :func:`mean_entropy`, in bits.
        laterality: LEFT, RIGHT, or '' where unknown.
        view: CC, MLO, …, or '' where unknown.
        features: 32 numbers (:func:`.image_features`); empty where the model does not tell.
    """

    key: str
    lesion: bool
    entropy: float
    laterality: str = ''
    view: str = ''
    features: tuple[float, ...] = ()

    @property
    def stratum(self) -> str:
        """Side and view in words."""
        return f'{self.laterality or "side unknown"}, {self.view or "view unknown"}'


def seen_of(line: Mapping[str, Any]) -> Seen:
    """An image from its line of a journal.

    Args:
        line: With the names of the attributes of :class:`Seen`.
    """
    return Seen(
        line['key'],
        bool(line['lesion']),
        float(line['entropy']),
        line['laterality'],
        line['view'],
        tuple(line['features'] or ()),
    )


def mean_entropy(probability: np.ndarray, image: np.ndarray) -> float:
    """The mean entropy of the prediction over the pixels of the breast, in bits.

    Air is left out: it is certain in every image, and a small breast would pass for a certain one.

    Args:
        probability: H×W, that of a lesion.
        image: H×W grey levels.

    Returns:
        0 where every pixel is certain, 1 where every one is at 0.5.

    >>> mean_entropy(np.full((8, 8), 0.5, np.float32), np.zeros((8, 8), np.uint8))
    1.0
    """
    breast = find_breast(image)
    values = (probability[breast] if breast.any() else probability).astype(np.float64).ravel()
    inside = np.clip(values, 1e-12, 1 - 1e-12)
    bits = -(inside * np.log2(inside) + (1 - inside) * np.log2(1 - inside))
    mean = float(bits.mean())
    return mean if math.isfinite(mean) else 0.0
