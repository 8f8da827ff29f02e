"""Lesion-level scores: match the detections of an image with its true lesions. Pure functions.

``docs/evaluation.md`` says how to read the rows.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.regions import (
    FLOOR,
    SPECK,
    Regions,
    find_detections,
    find_lesions,
    find_regions,
    longest_diameter,
)
from mmseg_mammo.io.run_folder import HIT_COLUMNS, SHAPE_COLUMNS, SIZE_COLUMNS

# The criterion of nnDetection's results (MIC-DKFZ/nnDetection, docs/results): to find is to
# point out a small thing in a large image; how well it is outlined is for Dice to say.
MATCH_IOU = 0.1


def overlaps(lesions: Regions, detections: Regions) -> np.ndarray:
    """IoU of T lesions and D detections of one grid, T×D float.

    >>> two = find_lesions(np.array([[True, False, True]]))
    >>> overlaps(two, two)
    array([[1., 0.],
           [0., 1.]])
    """
    shape = (len(lesions) + 1, len(detections) + 1)
    both = (lesions.labels > 0) & (detections.labels > 0)
    pairs = np.ravel_multi_index((lesions.labels[both], detections.labels[both]), shape)
    shared = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)[1:, 1:]
    return shared / (lesions.pixels[:, None] + detections.pixels - shared)


def match_by_iou(iou: np.ndarray, scores: np.ndarray, least: float = MATCH_IOU) -> np.ndarray:
    """Assign to each detection, in order of falling score, the free lesion with the highest IoU.

    What is matched above a score does not depend on the detections below it, so that one
    matching holds at every threshold; the assignment of the highest total IoU would not.

    Args:
        iou: T×D.
        scores: D; of equal ones the better IoU goes first.
        least: Lowest IoU of a match.

    Returns:
        D int, the number of the lesion, 0 for none. No lesion has two detections.

    >>> match_by_iou(np.array([[0.5, 0.6]]), scores=np.array([0.9, 0.8]))
    array([1, 0])
    """
    free = iou.copy()
    matches = np.zeros(len(scores), int)
    for detection in np.lexsort((-iou.max(axis=0, initial=0), -scores)) if len(iou) else ():
        lesion = free[:, detection].argmax()
        if free[lesion, detection] >= least:
            matches[detection] = lesion + 1
            free[lesion] = 0
    return matches


def match_by_centre(lesions: Regions, detections: Regions) -> np.ndarray:
    """Number of the lesion that the centroid of a detection lies in, D int, 0 for none.

    >>> two = find_lesions(np.array([[True, False, True]]))
    >>> match_by_centre(two, two).tolist()
    [1, 2]
    """
    columns, rows = np.rint(detections.centres).astype(int).T
    return lesions.labels[rows, columns]


def compare_lesions(
    truth: np.ndarray,
    predicted: np.ndarray,
    probability: np.ndarray,
    floor: float = FLOOR,
    speck: float = SPECK,
    pixel_size: tuple[float, float] | None = None,
    rank: Callable[[Regions], np.ndarray] | None = None,
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Compare the lesions of one image with a model's detections.

    Args:
        truth: H×W bool.
        predicted: H×W bool, the thresholded probability.
        probability: H×W float.
        floor: See :func:`find_detections`.
        speck: Largest area that is neither lesion nor detection, as a share of the grid. Where the
            largest lesion is no larger, it counts nevertheless, and so do all detections.
        pixel_size: Height and width of a pixel in mm; None where unknown.
        rank: Scores of D detections, in place of their highest probabilities.

    Returns:
        Counts at the model's threshold; and one row per lesion and per detection: values of
        ``LESION_COLUMNS``, without those that name the image. ``right`` and ``bottom`` are the first
        column and row beyond the region.

    >>> truth, probability = np.array([[True, False, False]]), np.array([[0.9, 0.2, 0.7]])
    >>> counts, rows = compare_lesions(truth, probability > 0.5, probability)
    >>> counts['hits_centre'], counts['false_positives_centre']
    (1, 1)
    """
    lesions, speck = _counted(truth, speck)
    detections, scores, marked = find_detections(probability, predicted, floor, speck)
    scores = rank(detections) if rank else scores
    iou = overlaps(lesions, detections)
    matches, centres = match_by_iou(iou, scores), match_by_centre(lesions, detections)
    counts = {
        'true_lesions': len(lesions),
        'predicted_lesions': marked,
        'hits_iou10': int(np.count_nonzero(matches[:marked])),
        'hits_centre': len(set(centres[:marked].tolist()) - {0}),
        'false_positives_iou10': int((matches[:marked] == 0).sum()),
        'false_positives_centre': int((centres[:marked] == 0).sum()),
    }
    surest = np.argsort(-scores, kind='stable')
    rows = []
    for facts in _facts(lesions, 'true', pixel_size):
        number = facts['number']
        hits = (
            next((int(d) + 1 for d in surest if of[d] == number), 0) for of in (matches, centres)
        )
        rows.append(facts | _hits(iou[number - 1], *hits))
    for index, facts in enumerate(_facts(detections, 'detection', pixel_size)):
        own = {'score': float(scores[index]), 'predicted': int(index < marked)}
        rows.append(facts | own | _hits(iou[:, index], int(matches[index]), int(centres[index])))
    return counts, rows


def false_marks(
    truth: np.ndarray, probability: np.ndarray, thresholds: np.ndarray, speck: float = SPECK
) -> np.ndarray:
    """The false marks of one image at each threshold: ``false_positives_iou10`` of its mask there.

    Once a quarter of the background is marked, no more are counted: lower thresholds join what is marked.

    Args:
        truth: H×W bool.
        probability: H×W float.
        thresholds: C, rising.
        speck: See :func:`compare_lesions`.

    Returns:
        C int.

    >>> truth, probability = np.array([[True, False, False]]), np.array([[0.9, 0.2, 0.7]])
    >>> false_marks(truth, probability, np.array([0.5, 0.8, 0.95])).tolist()
    [1, 0, 0]
    """
    lesions, speck = _counted(truth, speck)
    background = truth.size - int(truth.sum())
    found = np.zeros(len(thresholds), int)
    for place in range(len(thresholds) - 1, -1, -1):
        mask = probability > thresholds[place]
        if not mask.any():
            continue
        marks = find_regions(mask)
        marks = marks.select(marks.pixels > speck * mask.size)
        iou = overlaps(lesions, marks)
        near = iou.max(axis=0, initial=0) >= MATCH_IOU
        scores = [probability[marks.labels == n].max() for n in np.flatnonzero(near) + 1]
        matched = np.count_nonzero(match_by_iou(iou[:, near], np.array(scores)))
        found[place] = len(marks) - matched
        if 4 * np.count_nonzero(mask & ~truth) > background:
            found[:place] = found[place]
            break
    return found


def _counted(truth: np.ndarray, speck: float) -> tuple[Regions, float]:
    """The lesions of a mask, and the share of the grid up to which nothing else counts."""
    lesions = find_lesions(truth, speck)
    if 0 < lesions.pixels.max(initial=0) <= speck * truth.size:
        speck = 0  # or nothing could find it; for hits and false alarms alike
    return lesions, speck


def _facts(
    regions: Regions, kind: str, pixel_size: tuple[float, float] | None
) -> list[dict[str, Any]]:
    rows = []
    for index, (x, y) in enumerate(regions.centres.tolist()):
        left, top, width, height = regions.boxes[index].tolist()
        values = (kind, index + 1, int(regions.pixels[index]), round(x, 2), round(y, 2))
        box = (left, top, left + width, top + height)
        row = dict(zip(SHAPE_COLUMNS, values + box, strict=True))
        if pixel_size:
            own = regions.labels[top : top + height, left : left + width] == index + 1
            area = int(regions.pixels[index]) * pixel_size[0] * pixel_size[1]
            sizes = (round(area, 4), round(longest_diameter(own, pixel_size), 4))
            row |= dict(zip(SIZE_COLUMNS, sizes, strict=True))
        rows.append(row)
    return rows


def _hits(iou: np.ndarray, match: int, centre_match: int) -> dict[str, Any]:
    hit = int(centre_match > 0)
    values = (float(iou.max(initial=0)), match or '', hit, centre_match or '')
    return dict(zip(HIT_COLUMNS, values, strict=True))


def summarise_lesions(records: Sequence[dict]) -> dict[str, float]:
    """Lesion-level scalars over the records of a data set, at the model's threshold.

    Args:
        records: One per image, with the counts of :func:`compare_lesions`, ``truth_pixels``,
            ``hausdorff95``, ``hausdorff95_mm`` (NaN where unknown) and ``surface_dice``.

    Returns:
        ``lesion_sensitivity_iou10`` and ``…_centre``, the percentage of all true lesions that
        were found; ``false_positives_per_image``, predicted regions without a lesion at the IoU
        criterion, over all images; and, over images with lesion, the means
        ``lesion_hausdorff95`` (pixels), ``lesion_hausdorff95_mm`` (of those whose pixels have a
        known size) and ``lesion_surface_dice`` (percent). NaN where there is nothing to count.
    """

    def ratio(name: str, of: Sequence[dict], count: int) -> float:
        return sum(record[name] for record in of) / count if count else float('nan')

    lesions = sum(record['true_lesions'] for record in records)
    with_lesion = [record for record in records if record['truth_pixels']]
    measured = [record for record in with_lesion if not math.isnan(record['hausdorff95_mm'])]
    return {
        'lesion_sensitivity_iou10': 100 * ratio('hits_iou10', records, lesions),
        'lesion_sensitivity_centre': 100 * ratio('hits_centre', records, lesions),
        'false_positives_per_image': ratio('false_positives_iou10', records, len(records)),
        'lesion_hausdorff95': ratio('hausdorff95', with_lesion, len(with_lesion)),
        'lesion_hausdorff95_mm': ratio('hausdorff95_mm', measured, len(measured)),
        'lesion_surface_dice': 100 * ratio('surface_dice', with_lesion, len(with_lesion)),
    }
