"""Operating points: the threshold from validation of each model as a file that tests read."""

import re
from itertools import count
from pathlib import PurePath
from typing import Any

from mmseg_mammo.evaluation.operating_point import SENSITIVITY, cut_below
from mmseg_mammo.io.operating_point import OPERATING_POINT, OperatingPoint, format_point
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import has_lesion
from mmseg_mammo.reporting.sections.images import is_last, validation_threshold


def operating_points(runs: Runs) -> dict[str, bytes]:
    """Contents of ``operating_point.json`` by file name; of several models the name has theirs.

    Models without a threshold from validation have none.
    """
    found = {}
    for model in runs.models:
        test = next(test for test in runs.tests if test.model == model)
        if (threshold := validation_threshold(test)) is not None:
            found[model] = format_point(_point(test, threshold))
    if len(found) == 1:
        return {OPERATING_POINT: next(iter(found.values()))}
    stem, suffix = OPERATING_POINT.split('.')
    named: dict[str, bytes] = {}
    for model, content in found.items():
        slug = re.sub(r'\W+', '_', model).strip('_').lower() or 'model'
        tries = (f'{stem}_{slug}{f"_{n}" * (n > 1)}.{suffix}' for n in count(1))
        named[next(name for name in tries if name not in named)] = content
    return named


def _point(test: Test, threshold: float) -> OperatingPoint:
    training = test.training
    assert training is not None and training.validation is not None  # there is a threshold
    output = test.test_output
    notes = ['Images are found if any pixel exceeds the threshold, wherever it lies.']
    if not is_last(test):
        notes.append('The validation images were scored by the last epoch, not this checkpoint.')
    data = training.run['data'].get('val') or {}
    return OperatingPoint(
        threshold=cut_below(threshold),  # the report counts scores that equal it as found
        temperature=float(output.get('temperature', 1.0)),
        breast_only=bool(output.get('breast_only', False)),
        flips=output.get('flips'),
        target=f'sensitivity={SENSITIVITY / 100:g}',
        images={**_counts(training.validation), 'index_sha256': data.get('index_sha256')},
        model={
            'checkpoint': PurePath(test.run.get('checkpoint') or '').name,
            'config': PurePath(test.run.get('config') or '').name,
        },
        notes=tuple(notes),
        **_presence(test),
    )


def _presence(test: Test) -> dict[str, Any]:
    """The presence settings that the scores of a test follow; none of other models."""
    output = test.test_output
    if output.get('presence_threshold') is None:
        return {}
    names = ('presence_threshold', 'presence_scale', 'presence_bias')
    return {name: float(output[name]) for name in names if name in output}


def _counts(records: Records) -> dict[str, Any]:
    lesion = has_lesion(records)
    return {
        'split': 'val',
        'sources': sorted(set(records['source'].tolist())),
        'lesion': int(lesion.sum()),
        'normal': int((~lesion).sum()),
        'patients': len(set(records.patients.tolist())),
    }
