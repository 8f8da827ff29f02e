"""Promises section: what was promised of each threshold, and what is left of it on each data set."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.conformal.kept import Kept, measure
from mmseg_mammo.evaluation.conformal.promise import MEANINGS, Promise
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.run_folder import PROMISE_LOSS
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import mark_cells, mark_notes, number

HOME, ELSEWHERE = 'home', 'elsewhere'
_COLUMNS = (
    *('model', 'promise', 'calibrated on', 'its images', 'its patients', 'data set', 'where'),
    *('images', 'patients', 'promised', 'measured', 'measured low', 'measured high', 'missed by'),
    *('verdict', 'threshold', 'marked % of an image', 'lesion % of an image', 'mark'),
)


def promise_section(runs: Runs) -> Section | None:
    """One table of all tests with a promise; None if there is none."""
    tests = [test for test in runs.tests if _promise_of(test)]
    if not tests:
        return None
    kinds = dict.fromkeys(Promise.read(_promise_of(test)['target']).kind for test in tests)
    meanings = [f'{kind}: {MEANINGS[kind]}, in the mean over patients.' for kind in kinds]
    text = (
        (
            'A promise of mammoseg calibrate holds for patients drawn like those of its calibration: '
            'on average over such calibrations, or with the confidence that is named. Nothing is '
            'promised elsewhere; the table says what was measured there.'
        ),
        *meanings,
        (
            'Missed by: what lacks to a recall, or what is too many; below 0 more than kept. A promise '
            'on average may be missed a little at home as well.'
        ),
    )
    notes = (
        (
            '95 % intervals over patients; of image recalls with one image a patient those of Clopper '
            'and Pearson. Broken: the whole interval misses what was promised.'
        ),
        *mark_notes(tests),
    )
    rows = tuple(map(_row, tests))
    table = Table('promises', 'Promised and measured', _COLUMNS, rows, notes)
    return Section('promises', 'Promises', text, (table,))


def _promise_of(test: Test) -> Mapping[str, Any]:
    """What the calibration said; empty of a test without a promise."""
    found = test.test_output.get('promise') or {}
    return found if PROMISE_LOSS in test.every_image else {}


def _row(test: Test) -> tuple[Cell, ...]:
    given, images = _promise_of(test), test.every_image
    found = measure(
        Promise.read(given['target'], given.get('confidence')),
        images[PROMISE_LOSS],
        images.patients,
    )
    sources = sorted({origin_of(str(source)) for source in images['source']})
    home = sources == sorted({origin_of(each) for each in given.get('sources') or ()})
    lesion = images['truth_pixels'] > 0
    pixels = images['height'] * images['width']
    shares = (
        float(np.mean(images['predicted_pixels'] / pixels)),
        float(np.mean((images['truth_pixels'] / pixels)[lesion])) if lesion.any() else np.nan,
    )
    return (
        *(test.model, str(found.promise)),
        f'{", ".join(given.get("sources") or ())} {given.get("split") or ""}'.strip(),
        *(given.get('images'), given.get('patients')),
        *(test.dataset, HOME if home else ELSEWHERE, found.images, found.patients),
        *_values(found),
        *(found.verdict, test.test_output.get('threshold')),
        *(number(100 * share) for share in shares),
        mark_cells(test, found.images),
    )


def _values(found: Kept) -> tuple[Cell, ...]:
    """Promised, measured, its interval, and what is missed."""
    values = (found.promise.level, found.value, found.low, found.high, found.short)
    return tuple(number(value, 3) for value in values)
