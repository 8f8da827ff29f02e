"""Viewer data: turns cases into plain values for the JSON of the page."""

import base64
import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import read_raster
from mmseg_mammo.reporting.document import Case
from mmseg_mammo.visualization.outline import outline

_NAMES = {
    'dataset': 'data set',
    'annotated': 'annotation',
    'mask_kind': 'kind of mask',
    'dice': 'Dice',
    'iou': 'IoU',
    'max_probability': 'highest probability',
}
_PREDICTION_NAMES = {
    'image': 'file',
    'patient_id': 'patient',
    'score': 'highest probability',
    'likeness': 'beside the training images',
    'likeness_why': 'why',
    'regions': 'regions',
    'area_pixels': 'area (pixels)',
    'area_mm2': 'area (mm²)',
}


def viewer_data(cases: Sequence[Case], truth: bool = True) -> dict[str, Any]:
    """Read the pictures of all cases.

    Args:
        cases: What the viewer shows.
        truth: Whether the true lesions are known. Without them no case is said to be annotated.

    Returns:
        ``models``, names in the order of their first appearance; ``names``, what facts and
        scores are called on the page; ``cases``, one dict per case: key, facts (the data set is
        one), width and height (px), image (JPEG, base64), truth and predictions
        (:func:`mmseg_mammo.visualization.outline.outline`; '' is an empty mask, and a model that
        is absent was not tested), scores (None where there is none), points (0 to 1);
        and files and candidates, where it has some.

    Raises:
        DataFileError: A picture is missing, unreadable, or of another size than its image.
    """
    names = _NAMES if truth else _PREDICTION_NAMES
    return {
        'models': unique_values(model for case in cases for model in case.predictions),
        'names': {name: name.replace('_', ' ') for case in cases for name in case.facts} | names,
        'cases': [_case_data(case, truth) for case in cases],
    }


def filters(
    cases: Sequence[dict[str, Any]], names: Sequence[str] = ()
) -> list[tuple[str, list[str]]]:
    """Facts that tell the cases apart, each with its values in order.

    Args:
        cases: As in :func:`viewer_data`.
        names: The facts in question; all if there are none.
    """
    values = {
        name: sorted({case['facts'].get(name, '') for case in cases})
        for name in unique_values(name for case in cases for name in case['facts'])
    }
    return [
        (name, found)
        for name, found in values.items()
        if len(found) > 1 and (not names or name in names)
    ]


def unique_values(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, in order of first appearance."""
    return tuple(dict.fromkeys(values))


def _case_data(case: Case, truth: bool) -> dict[str, Any]:
    height, width = shape = read_raster(case.image).shape
    annotated = {'annotated': 'lesion' if case.truth else 'normal'} if truth else {}
    return {
        'key': case.key,
        'facts': {'dataset': case.dataset, **annotated, **case.facts},
        'width': width,
        'height': height,
        'image': base64.b64encode(case.image.read_bytes()).decode(),
        'truth': _mask_outline(case.truth, shape),
        'predictions': {
            model: _mask_outline(path, shape) for model, path in case.predictions.items()
        },
        'scores': {
            model: {name: _finite(score) for name, score in scores.items()}
            for model, scores in case.scores.items()
        },
        'points': {model: points for model, points in case.points.items() if points},
        **({'files': case.files} if case.files else {}),
        **_candidates(case),
    }


def _candidates(case: Case) -> dict[str, Any]:
    found = {model: [*map(dataclasses.asdict, all_)] for model, all_ in case.candidates.items()}
    return {'candidates': found} if found else {}


def _finite(score: float | None) -> float | None:
    return score if score is not None and math.isfinite(score) else None


def _mask_outline(path: Path | None, shape: tuple[int, ...]) -> str:
    if path is None:
        return ''
    mask = read_raster(path)
    if mask.shape != shape:
        raise DataFileError(
            f'{path}: a mask of {mask.shape[1]}×{mask.shape[0]} pixels',
            f'{shape[1]}×{shape[0]}, as its image',
            'Test or predict again; the pictures of an image are written together',
        )
    return outline(mask > 0)
