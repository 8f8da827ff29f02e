"""Overlap: IoU and Dice of a predicted and a true mask, and their means. Pure functions.

Formulas: thesis III-B. Every mean is over images, each image counting once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mmseg_mammo.evaluation.operating_point import auroc

BETA = 1e-7
Pixels = TypeVar('Pixels', float, np.ndarray)


def iou(truth: Pixels, predicted: Pixels, intersection: Pixels) -> Pixels:
    """(I + β) / (U + β), U the pixels of the union; 1 if both masks are empty.

    Args:
        truth: Pixels of the true mask; of one image, or N of N images.
        predicted: Pixels of the predicted mask.
        intersection: Pixels that both have.

    >>> round(iou(4, 2, 2), 6)
    0.5
    """
    return (intersection + BETA) / (truth + predicted - intersection + BETA)


def dice(truth: Pixels, predicted: Pixels, intersection: Pixels) -> Pixels:
    """(2 I + β) / (|P| + |G| + β); 1 if both masks are empty. Arguments are those of :func:`iou`.

    >>> round(dice(4, 2, 2), 6)
    0.666667
    """
    return (2 * intersection + BETA) / (truth + predicted + BETA)


@dataclass(frozen=True)
class Overlap:
    """Pixel counts of one image."""

    truth: int
    predicted: int
    intersection: int

    @property
    def iou(self) -> float:
        """See :func:`iou`."""
        return iou(self.truth, self.predicted, self.intersection)

    @property
    def dice(self) -> float:
        """See :func:`dice`."""
        return dice(self.truth, self.predicted, self.intersection)


def overlap(predicted: np.ndarray, truth: np.ndarray) -> Overlap:
    """Count the pixels of two masks, both H×W bool.

    >>> overlap(np.array([[True, False]]), np.array([[True, True]]))
    Overlap(truth=2, predicted=1, intersection=1)
    """
    if predicted.shape != truth.shape:
        raise ValueError(f'prediction {predicted.shape} and truth {truth.shape} differ in shape')
    return Overlap(int(truth.sum()), int(predicted.sum()), int((predicted & truth).sum()))


def summarise(images: Sequence[Overlap], max_probability: Sequence[float]) -> dict[str, float]:
    """Scalars over a data set, for all images, those with lesion, and normal ones.

    Args:
        images: Counts of N images.
        max_probability: Highest lesion probability in each of them, 0 to 1.

    Returns:
        ``[lesion_|normal_]iou`` and ``…dice`` in percent; ``specificity``, the percentage of
        normal images with an empty prediction; ``predict_nothing_iou`` and ``…_dice``, what an
        always empty prediction would score on all images; ``auroc``, 0 to 1, of the maximum
        probability as a detector of images with lesion; and the counts ``images``,
        ``lesion_images``, ``normal_images``. NaN where a stratum has no image.

    >>> summarise([Overlap(2, 2, 2), Overlap(0, 1, 0)], [0.9, 0.1])['specificity']
    0.0
    """
    lesion = [image for image in images if image.truth]
    normal = [image for image in images if not image.truth]
    nothing = [Overlap(image.truth, 0, 0) for image in images]
    strata = {'': images, 'lesion_': lesion, 'normal_': normal, 'predict_nothing_': nothing}
    scores: dict[str, float] = {}
    for prefix, members in strata.items():
        scores[f'{prefix}iou'] = _score_percent(members, lambda image: image.iou)
        scores[f'{prefix}dice'] = _score_percent(members, lambda image: image.dice)
    scores['specificity'] = _score_percent(normal, lambda image: float(image.predicted == 0))
    positive = np.array([bool(image.truth) for image in images])
    scores['auroc'] = auroc(positive, np.asarray(max_probability))
    counts = {'images': images, 'lesion_images': lesion, 'normal_images': normal}
    return {**scores, **{name: float(len(members)) for name, members in counts.items()}}


def _score_percent(images: Iterable[Overlap], score: Callable[[Overlap], float]) -> float:
    values = [score(image) for image in images]
    return 100 * float(np.mean(values)) if values else float('nan')
