"""Overlap: IoU and Dice of a predicted and a true mask, and their means. Pure functions.

Formulas: thesis III-B. Every mean is over images, each image counting once.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from mmseg_mammo.evaluation.operating_point import auroc
from mmseg_mammo.io.mask import is_image_label

BETA = 1e-7
# Columns of a record that come from a true mask; what the model made stays.
_OF_TRUTH = re.compile(
    r'(ungated_)?(truth|intersection)_pixels(_224)?|iou|dice|(candidate_\d+|hindsight)_(iou|dice)'
    r'|true_lesions|(hits|false_positives)_\w+|hausdorff95(_mm)?|surface_dice'
    r'|lost_\w+'
)
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


def without_truth(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an image whose lesion nobody outlined: None where a true mask is needed.

    >>> without_truth({'image': 'a.png', 'predicted_pixels': 4, 'truth_pixels': 9, 'iou': 0.3})
    {'image': 'a.png', 'predicted_pixels': 4, 'truth_pixels': None, 'iou': None}
    """
    return {name: None if _OF_TRUTH.fullmatch(name) else value for name, value in record.items()}


def summarise(
    images: Sequence[Overlap],
    max_probability: Sequence[float],
    image_labels: Sequence[float] = (),
) -> dict[str, float]:
    """Scalars over a data set, for all images, those with lesion, and normal ones.

    Args:
        images: Counts of N images.
        max_probability: Highest lesion probability in each of them, 0 to 1.
        image_labels: That of further images, which have a lesion and no mask: they count in
            ``auroc`` alone.

    Returns:
        ``[lesion_|normal_]iou`` and ``…dice`` in percent; ``specificity``, the percentage of
        normal images with an empty prediction; ``predict_nothing_iou`` and ``…_dice``, what an
        always empty prediction would score on all images; ``auroc``, 0 to 1, of the maximum
        probability as a detector of images with lesion; and the counts ``images``,
        ``lesion_images``, ``normal_images``, and of ``image_labels``, where there are some,
        ``image_label_images``. NaN where a stratum has no image.

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
    positive = np.array([bool(image.truth) for image in images] + [True] * len(image_labels))
    scores['auroc'] = auroc(positive, np.asarray([*max_probability, *image_labels]))
    counts: dict[str, Sequence[Any]] = {'images': images, 'lesion_images': lesion}
    counts['normal_images'] = normal
    if image_labels:
        counts['image_label_images'] = image_labels
    return {**scores, **{name: float(len(members)) for name, members in counts.items()}}


def summarise_records(records: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """:func:`summarise` of the records of a metric; those of image labels have no counts."""
    groups: dict[bool, list[Mapping[str, Any]]] = {False: [], True: []}
    for record in records:
        groups[is_image_label(record)].append(record)
    names = ('truth_pixels', 'predicted_pixels', 'intersection_pixels')
    counts = [Overlap(*(record[name] for name in names)) for record in groups[False]]
    highest = {kind: [r['max_probability'] for r in group] for kind, group in groups.items()}
    return summarise(counts, highest[False], highest[True])


def _score_percent(images: Iterable[Overlap], score: Callable[[Overlap], float]) -> float:
    values = [score(image) for image in images]
    return 100 * float(np.mean(values)) if values else float('nan')
