"""Candidate masks of a promptable model: columns of one image, and scalars over images.

Pure functions: columns of one image's record, and scalars over records.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.calibration import calibration_error
from mmseg_mammo.evaluation.overlap import Overlap, overlap


def candidate_columns(
    candidates: np.ndarray,
    truth: np.ndarray,
    predicted_iou: Sequence[float],
    chosen: int,
    kept: Overlap,
    best_of_each: np.ndarray | None = None,
) -> dict[str, float]:
    """Columns of an image whose model offered K candidate masks.

    Args:
        candidates: K×H×W bool.
        truth: H×W bool.
        predicted_iou: K values, what the model took the IoUs for, 0 to 1; NaN if it did not say,
            as of several objects: it predicts their IoUs, not that of their union.
        chosen: Index of the candidate that was kept; -1 if it was not one for all objects.
        kept: Overlap of the kept mask with the truth. If objects kept different candidates, it
            may be better than each of the K.
        best_of_each: H×W bool, the union of the best candidate of each of several objects; None
            if there is one object, or if nobody knows the objects' own truths.

    Returns:
        ``candidate_<k>_iou``, ``candidate_<k>_dice`` and ``candidate_<k>_predicted_iou`` for each
        k from 0, ``chosen``, and ``hindsight_iou`` and ``hindsight_dice``, the best of the K,
        the kept mask and ``best_of_each``. Scores are from 0 to 1.

    >>> truth = np.array([[True, False]])
    >>> candidate_columns(truth[None], truth, [0.9], 0, overlap(~truth, truth))['hindsight_iou']
    1.0
    """
    counts = [overlap(mask, truth) for mask in candidates]
    columns: dict[str, float] = {}
    for k, (count, predicted) in enumerate(zip(counts, predicted_iou, strict=True)):
        columns[f'candidate_{k}_iou'] = count.iou
        columns[f'candidate_{k}_dice'] = count.dice
        columns[f'candidate_{k}_predicted_iou'] = float(predicted)
    known = [*counts, kept]
    if best_of_each is not None:
        known.append(overlap(best_of_each, truth))
    return {
        **columns,
        'chosen': int(chosen),
        'hindsight_iou': max(count.iou for count in known),
        'hindsight_dice': max(count.dice for count in known),
    }


def prompt_columns(sample: Mapping[str, Any]) -> dict[str, str]:
    """Columns for the prompts of an image: their origin and places; none without prompts.

    Args:
        sample: With ``prompts_from`` (``'truth'`` or ``'given'``), ``prompt_points``, a list of
            [x, y, label], and ``prompt_boxes``, a list of [x1, y1, x2, y2], in pixels of the
            prepared image.

    Returns:
        ``prompts_from``, ``prompt_points`` as ``x:y:label``, and ``prompt_boxes`` as
        ``x1:y1:x2:y2``, joined by spaces.

    >>> prompt_columns({'prompts_from': 'given', 'prompt_points': [[3, 4, 1]], 'prompt_boxes': []})
    {'prompts_from': 'given', 'prompt_points': '3.0:4.0:1', 'prompt_boxes': ''}
    """
    if 'prompts_from' not in sample:
        return {}
    points = (f'{x:.1f}:{y:.1f}:{int(label)}' for x, y, label in sample['prompt_points'])
    boxes = (':'.join(f'{value:.1f}' for value in box) for box in sample['prompt_boxes'])
    return {
        'prompts_from': sample['prompts_from'],
        'prompt_points': ' '.join(points),
        'prompt_boxes': ' '.join(boxes),
    }


def is_unprompted(columns: Mapping[str, Any]) -> bool:
    """Whether prompts were given, but none for this image: its prediction is empty.

    Args:
        columns: Of a record, of :func:`prompt_columns`.

    >>> is_unprompted({'prompts_from': 'given', 'prompt_points': '', 'prompt_boxes': ''})
    True
    """
    given = columns.get('prompts_from') == 'given'
    return given and not any(columns.get(name) for name in ('prompt_points', 'prompt_boxes'))


def candidate_count(columns: Mapping[str, float]) -> int:
    """Number K of candidates in the columns of a record, or in scalars; 0 without candidates.

    >>> candidate_count({'iou': 0.5, 'candidate_0_iou': 0.5, 'candidate_1_iou': 0.6})
    2
    """
    count = 0
    while f'candidate_{count}_iou' in columns:
        count += 1
    return count


def summarise_candidates(records: Sequence[dict]) -> dict[str, float]:
    """Scalars over the candidates of all images, those with lesion, and normal ones.

    Args:
        records: One dict per image, with ``truth_pixels`` and :func:`candidate_columns`.

    Returns:
        In percent, each also with the prefixes ``lesion_`` and ``normal_``:
        ``candidate_<k>_iou``, ``candidate_<k>_dice``, ``hindsight_iou``, ``hindsight_dice``;
        ``chosen_iou_error`` and ``chosen_iou_bias``, the mean absolute and the mean signed
        difference, predicted minus actual IoU of the kept candidate; ``candidates_iou_error`` and
        ``candidates_iou_bias``, the same of all candidates; ``chosen_iou_ece``, see
        :func:`calibration_error`. These leave out images of several objects, or none; the number
        that is left is ``calibrated_images``. NaN where there is nothing to average. If prompts
        were given, ``unprompted_images`` is the number of images without (:func:`is_unprompted`).
        Empty without candidates.

    >>> summarise_candidates([{'truth_pixels': 3}])
    {}
    """
    if not records or not candidate_count(records[0]):
        return {}
    count = candidate_count(records[0])
    names = [f'candidate_{k}_{score}' for k in range(count) for score in ('iou', 'dice')]
    strata = {
        '': records,
        'lesion_': [record for record in records if record['truth_pixels']],
        'normal_': [record for record in records if not record['truth_pixels']],
    }
    scores = {}
    for prefix, members in strata.items():
        for name in (*names, 'hindsight_iou', 'hindsight_dice'):
            scores[f'{prefix}{name}'] = _mean_percent([record[name] for record in members])
        known = [r for r in members if not np.isnan(r['candidate_0_predicted_iou'])]
        differences = {
            'chosen': [_iou_difference(r, r['chosen']) for r in known],
            'candidates': [_iou_difference(r, k) for r in known for k in range(count)],
        }
        for name, values in differences.items():
            scores[f'{prefix}{name}_iou_error'] = _mean_percent(np.abs(values))
            scores[f'{prefix}{name}_iou_bias'] = _mean_percent(values)
        pairs = np.array([_pair(r, r['chosen']) for r in known]).reshape(-1, 2)
        scores[f'{prefix}calibrated_images'] = float(len(known))
        scores[f'{prefix}chosen_iou_ece'] = 100 * calibration_error(pairs[:, 1], pairs[:, 0])
        if any(record.get('prompts_from') == 'given' for record in records):
            scores[f'{prefix}unprompted_images'] = float(sum(map(is_unprompted, members)))
    return scores


def _iou_difference(record: Mapping[str, float], k: int) -> float:
    predicted, actual = _pair(record, k)
    return predicted - actual


def _pair(record: Mapping[str, float], k: int) -> tuple[float, float]:
    return record[f'candidate_{k}_predicted_iou'], record[f'candidate_{k}_iou']


def _mean_percent(values: Sequence[float] | np.ndarray) -> float:
    return 100 * float(np.mean(values)) if len(values) else float('nan')
