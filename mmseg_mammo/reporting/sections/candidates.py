"""Candidate section: scores of each candidate mask, the kept one, and the best in hindsight."""

from collections.abc import Iterator

import numpy as np

from mmseg_mammo.evaluation.bootstrap import mean
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import cells, mark_cells, mark_notes, number, strata

_MASKS = (
    *('model', 'images', 'n', 'mask', 'IoU %', 'IoU low', 'IoU high'),
    *('Dice %', 'Dice low', 'Dice high', 'kept in %', 'mark'),
)
_PREDICTED = (
    *('model', 'images', 'of one object', 'mask', 'predicted IoU %'),
    *('error', 'error low', 'error high', 'bias', 'bias low', 'bias high', 'mark'),
)


def candidate_section(runs: Runs) -> Section | None:
    """Two tables for each data set on which promptable models were tested; None without any."""
    items = []
    for dataset in runs.datasets:
        tests = tuple(t for t in runs.on(dataset) if 'candidate_0_iou' in t.images)
        if tests:
            slug, rest = runs.slug(dataset), mark_notes(tests)
            note = 'Kept: the mask of the prediction. Intervals: 95 %, over patients.'
            rows = tuple(row for test in tests for row in _mask_rows(test))
            title = f'Candidate masks on {dataset}'
            items.append(Table(f'candidates_{slug}', title, _MASKS, rows, (note, *rest)))
            note = (
                'Error: mean of |predicted − actual IoU|, bias: mean of predicted − actual IoU, in '
                'percentage points with 95 % intervals over patients; over the images of one object, '
                'as the IoU of several together is not predicted.'
            )
            rows = tuple(row for test in tests for row in _predicted_iou_rows(test))
            title = f'Predicted IoU on {dataset}'
            items.append(Table(f'predicted_iou_{slug}', title, _PREDICTED, rows, (note, *rest)))
    if not items:
        return None
    text = (
        (
            'Each candidate comes with a predicted IoU; by default that with the highest one is kept. '
            'If a candidate beats the kept mask, the choice is worse than none: model.mask_choice '
            'keeps always the same.'
        ),
    )
    return Section('candidates', 'Candidate masks', text, tuple(items))


def _filled_strata(test: Test) -> Iterator[tuple[str, Records]]:
    """The strata that have images."""
    for stratum, chosen in strata(test.images).items():
        if chosen.any():
            yield stratum, test.images.where(chosen)


def _head_count(test: Test) -> int:
    return sum(f'candidate_{k}_iou' in test.images for k in range(9))


def _mask_rows(test: Test) -> Iterator[tuple[Cell, ...]]:
    offered = [(f'candidate {k}', f'candidate_{k}_', k) for k in range(_head_count(test))]
    for stratum, images in _filled_strata(test):
        for mask, prefix, k in (
            *offered,
            ('kept', '', None),
            ('best in hindsight', 'hindsight_', None),
        ):
            overlap = [mean(100 * images[f'{prefix}{s}'], images.patients) for s in ('iou', 'dice')]
            kept = np.nan if k is None else 100 * float(np.mean(images['chosen'] == k))
            yield (
                *(test.model, stratum, len(images), mask, *sum(map(cells, overlap), ())),
                *(number(kept), mark_cells(test, len(images), *overlap)),
            )


def _predicted_iou_rows(test: Test) -> Iterator[tuple[Cell, ...]]:
    heads = range(_head_count(test))
    for stratum, images in _filled_strata(test):
        offered = np.stack([images[f'candidate_{k}_predicted_iou'] for k in heads])
        index = np.nan_to_num(images['chosen'], nan=-1).astype(int)
        of_kept = np.where(index >= 0, offered[index, np.arange(len(images))], np.nan)
        pairs = [(f'candidate {k}', offered[k], images[f'candidate_{k}_iou']) for k in heads]
        for mask, predicted, actual in (*pairs, ('kept', of_kept, images['iou'])):
            known = ~np.isnan(predicted)
            error, patients = 100 * (predicted - actual)[known], images.patients[known]
            values = [mean(each, patients) for each in (np.abs(error), error)]
            yield (
                *(test.model, stratum, len(error), mask),
                *(
                    number(mean(100 * predicted[known], patients).value),
                    *sum(map(cells, values), ()),
                ),
                mark_cells(test, len(error), *values),
            )
