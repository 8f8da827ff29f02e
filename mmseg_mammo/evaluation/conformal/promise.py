"""Promise: what a threshold is to keep, the losses that say so, and the thresholds it is chosen from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_mammo.io.operating_point import read_promise

MOST_MARKS = 10  # false marks of an image that are counted: a mean has no bound without one
# Thresholds by their logits: from, to, step. Regions are looked for at each of the second kind.
_FINE, _COARSE = (-20.0, 20.0, 0.05), (-10.0, 10.0, 0.25)
UNITS: Mapping[str, str] = {
    'pixel-recall': 'images with an outlined lesion',
    'image-recall': 'images with a lesion',
    'false-marks': 'images with a mask or none to have',
    'missed-lesions': 'images with an outlined lesion',
}
MEANINGS: Mapping[str, str] = {
    'pixel-recall': 'share of the lesion pixels of an image that are marked',
    'image-recall': 'share of the images with a lesion in which something is marked',
    'false-marks': f'marks of an image that touch no lesion, at most {MOST_MARKS} counted',
    'missed-lesions': 'share of the lesions of an image of which less than a tenth is marked',
}


@dataclass(frozen=True)
class Promise:
    """What is promised of images like those of the calibration.

    Attributes:
        kind: A key of :data:`MEANINGS`.
        level: At least that, of a recall; at most that, of false marks and missed lesions.
        confidence: None: the promise holds on average over all calibration sets that one might have
            drawn. Else between 0 and 1: it holds in that share of them.

    >>> Promise.read('pixel-recall=0.9').risk, Promise.read('false-marks=0.5').risk
    (0.1, 0.05)
    """

    kind: str
    level: float
    confidence: float | None = None

    @classmethod
    def read(cls, text: str, confidence: float | None = None) -> 'Promise':
        """From the text of ``--promise``, such as ``pixel-recall=0.9``.

        Raises:
            MammoError: It is no promise.
        """
        return cls(*read_promise(text), confidence)

    @property
    def is_recall(self) -> bool:
        """Whether the level is a least one."""
        return self.kind.endswith('recall')

    @property
    def of_lesions(self) -> bool:
        """Whether it is about images with a lesion alone."""
        return self.kind != 'false-marks'

    @property
    def of_pixels(self) -> bool:
        """Whether true masks are needed."""
        return self.kind != 'image-recall'

    @property
    def most(self) -> float:
        """The largest loss of an image."""
        return MOST_MARKS if self.kind == 'false-marks' else 1.0

    @property
    def risk(self) -> float:
        """The limit of the mean loss, as a share of :attr:`most`."""
        return round(1 - self.level, 12) if self.is_recall else self.level / self.most

    @property
    def thresholds(self) -> np.ndarray:
        """G rising thresholds, float64 that float32 holds exactly."""
        first, last, step = _FINE if self.of_lesions else _COARSE
        logits = np.linspace(first, last, round((last - first) / step) + 1)
        found = np.unique((1 / (1 + np.exp(-logits))).astype(np.float32)).astype(float)
        return found[found < 1]

    def fewest(self) -> int:
        """The fewest patients that it can be kept with, if the model makes no error on any.

        >>> Promise.read('pixel-recall=0.9').fewest(), Promise('image-recall', 0.9, 0.95).fewest()
        (10, 29)
        """
        if self.confidence is None:  # 1 / (n + 1) < risk
            return math.floor(1 / self.risk - 1 + 1e-9) + 1
        return math.ceil(math.log(1 - self.confidence) / math.log1p(-self.risk) - 1e-9)

    def value(self, loss: Any) -> Any:
        """A mean loss in the terms of the promise: a recall is what is not lost."""
        return 1 - loss if self.is_recall else loss

    def __str__(self) -> str:
        sure = '' if self.confidence is None else f' at {100 * self.confidence:g} % confidence'
        return f'{self.kind}={self.level:g}{sure}'
