"""The candidate masks of a promptable model: each head, the kept one, the best in hindsight."""

from collections.abc import Iterator

import numpy as np

from mmseg_mammo.reporting.contents import Cell, Section, Table
from mmseg_mammo.reporting.reading import Records, Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import cells, mark_notes, marked, number, strata
from mmseg_mammo.reporting.statistics import mean

_COLUMNS = (
    *('model', 'images', 'n', 'mask', 'IoU %', 'IoU low', 'IoU high'),
    *('Dice %', 'Dice low', 'Dice high', 'kept in %'),
    *(
        'of one object',
        'predicted IoU %',
        'error',
        'error low',
        'error high',
        'bias',
        'bias low',
        'bias high',
        'mark',
    ),
)


def candidate_section(runs: Runs) -> Section | None:
    """A table for each data set on which promptable models were tested; None without any."""
    items = []
    for dataset in runs.datasets:
        tests = tuple(t for t in runs.on(dataset) if 'candidate_0_iou' in t.images)
        if tests:
            rows = tuple(row for test in tests for row in _rows(test))
            notes = (
                (
                    'Kept: the mask of the prediction. Error: mean of |predicted − actual IoU|, bias: '
                    'mean of predicted − actual IoU, in percentage points; over the images '
                    'of one object, as the IoU of several together is not predicted. Intervals: '
                    '95 %, over patients.'
                ),
                *mark_notes(tests),
            )
            name, title = f'candidates_{runs.slug(dataset)}', f'Candidate masks on {dataset}'
            items.append(Table(name, title, _COLUMNS, rows, notes))
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


def _rows(test: Test) -> Iterator[tuple[Cell, ...]]:
    for stratum, chosen in strata(test.images).items():
        images = test.images.where(chosen)
        heads = sum(f'candidate_{k}_iou' in images for k in range(9))
        for k in range(heads):
            name = f'candidate_{k}'
            kept = 100 * float(np.mean(images['chosen'] == k)) if len(images) else np.nan
            predicted = images[f'{name}_predicted_iou']
            yield _row(test, stratum, f'candidate {k}', images, name, kept, predicted)
        offered = np.stack([images[f'candidate_{k}_predicted_iou'] for k in range(heads)])
        index = np.nan_to_num(images['chosen'], nan=-1).astype(int)
        predicted = np.where(index >= 0, offered[index, np.arange(len(images))], np.nan)
        yield _row(test, stratum, 'kept', images, '', np.nan, predicted)
        nobody = np.full(len(images), np.nan)
        yield _row(test, stratum, 'best in hindsight', images, 'hindsight', np.nan, nobody)


def _row(
    test: Test,
    stratum: str,
    mask: str,
    images: Records,
    prefix: str,
    kept: float,
    predicted: np.ndarray,
) -> tuple[Cell, ...]:
    iou, dice = (images[f'{prefix}_{name}' if prefix else name] for name in ('iou', 'dice'))
    known = ~np.isnan(predicted)
    error = 100 * (predicted - iou)[known]
    patients = images.patients
    overlap = (cells(mean(100 * values, patients)) for values in (iou, dice))
    errors = (cells(mean(values, patients[known])) for values in (np.abs(error), error))
    offered = 100 * float(predicted[known].mean()) if known.any() else np.nan
    return (
        *(test.model, stratum, len(images), mask, *sum(overlap, ()), number(kept)),
        *(int(known.sum()) if known.any() else None, number(offered), *sum(errors, ())),
        marked(test, len(images), int(known.sum())),
    )
