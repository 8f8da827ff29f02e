"""Convention tables: rank models by the same predictions, scored under several conventions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mmseg_mammo.evaluation.bootstrap import Estimate, difference, mean, ratio
from mmseg_mammo.evaluation.overlap import dice
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.document import Cell, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import (
    cells,
    common_images,
    counts,
    empty_counts,
    grid_notes,
    mark_cells,
    mark_notes,
    strata,
)
from mmseg_mammo.reporting.sections.results import NOTHING

GRID_224 = '_224'
_DIGITS = 2  # β of the formulas makes differences that are none


@dataclass(frozen=True)
class Convention:
    """A way to make one number of the Dice scores of a data set.

    Attributes:
        name: In tables.
        stratum: ``all`` or ``lesion`` images.
        grid: '' for that of the test, '_224' for the thesis's.
        pooled: Whether pixels are summed over images, so that a large lesion counts more.
    """

    name: str
    stratum: str
    grid: str = ''
    pooled: bool = False


LESION_IMAGES = Convention('lesion images', 'lesion')
CONVENTIONS = (
    Convention('all images', 'all'),
    Convention('all images, 224 grid', 'all', GRID_224),
    Convention('all images, pooled pixels', 'all', pooled=True),
    LESION_IMAGES,
    Convention('lesion images, 224 grid', 'lesion', GRID_224),
    Convention('lesion images, pooled pixels', 'lesion', pooled=True),
)
# What is held against what: one thing changes at a time.
CONTRASTS = ((0, 3), (0, 1), (0, 2), (3, 4), (3, 5))


def score(images: Records, convention: Convention, empty: bool = False) -> Estimate:
    """Dice in percent by a convention; ``empty`` is that of predicting nothing.

    NaN where the records lack the grid, or nothing was to be found.
    """
    if convention.grid and f'truth_pixels{convention.grid}' not in images:
        return Estimate(np.nan, np.nan, np.nan, np.empty(0))
    chosen = strata(images)[convention.stratum]
    pixels = (empty_counts if empty else counts)(images, convention.grid)
    truth, predicted, both = (values[chosen] for values in pixels)
    patients = images.patients[chosen]
    if convention.pooled:
        return ratio(200 * both, truth + predicted, patients, truth > 0)
    return mean(100 * dice(truth, predicted, both), patients)


def convention_items(runs: Runs) -> tuple[Table, ...]:
    """Scores and ranks under each convention, for each data set, and the pairs that swap."""
    tables: list[Table] = []
    flips: list[tuple[Cell, ...]] = []
    for dataset in runs.datasets:
        tests = runs.on(dataset)
        records = common_images(tests)
        scored = [
            {
                **{t.model: score(r, way) for t, r in zip(tests, records, strict=True)},
                NOTHING: score(records[0], way, empty=True),
            }
            for way in CONVENTIONS
        ]
        sizes = {name: int(chosen.sum()) for name, chosen in strata(records[0]).items()}
        tables.append(_convention_table(dataset, runs.slug(dataset), tests, sizes, scored))
        flips += [
            (dataset, sizes['all'], sizes['lesion'], *names, *cells(first), *cells(second), mark)
            for names, first, second in _flips(scored)
            for mark in (_pair_mark(names[2:], tests, sizes, first, second),)
        ]
    columns = (
        *('data set', 'images', 'lesion images', 'by', 'or by', 'model', 'against'),
        *('difference', 'low', 'high', 'other difference', 'other low', 'other high', 'mark'),
    )
    notes = (
        (
            'Differences of Dice in percentage points, with 95 % intervals over patients: by the '
            'first convention the model is better, by the other one worse. Where an interval '
            'contains 0, the order was not sure to begin with. They are not corrected for the '
            'number of pairs.'
        ),
        *mark_notes(runs.tests),
    )
    title = 'Conclusions that another convention turns round'
    return (*tables, Table('order_flips', title, columns, tuple(flips), notes))


def _convention_table(
    dataset: str,
    slug: str,
    tests: Sequence[Test],
    sizes: Mapping[str, int],
    scored: list[dict[str, Estimate]],
) -> Table:
    rows = []
    for way, models in zip(CONVENTIONS, scored, strict=True):
        ranks, size = _ranks(models), sizes[way.stratum]
        for model, estimate in models.items():
            test = next((t for t in tests if t.model == model), tests[0])
            mark = mark_cells(test, size, estimate, empty=model == NOTHING)
            rows.append((way.name, model, size, *cells(estimate), ranks[model], mark))
    columns = ('convention', 'model', 'images', 'Dice %', 'low', 'high', 'rank', 'mark')
    notes = (
        (
            'Thesis: all images, 224 grid (U-Net and SETR). Pooled: twice the common pixels of all '
            'images over the sum of true and predicted ones. 95 % intervals over patients.'
        ),
        *grid_notes(tests),
        *mark_notes(tests),
    )
    return Table(f'conventions_{slug}', f'Conventions on {dataset}', columns, tuple(rows), notes)


def _pair_mark(
    pair: Sequence[str], tests: Sequence[Test], sizes: Mapping[str, int], *shown: Estimate
) -> str:
    """The marks of two models, one of which may be predicting nothing."""
    first, *rest = [test for test in tests if test.model in pair]
    return mark_cells(first, sizes['all'], sizes['lesion'], *shown, beside=rest)


def _ranks(scored: dict[str, Estimate]) -> dict[str, Cell]:
    """1 is best; equal scores share the better rank; None without a score."""
    values = {model: round(each.value, _DIGITS) for model, each in scored.items()}
    return {
        model: None if np.isnan(own) else 1 + sum(value > own for value in values.values())
        for model, own in values.items()
    }


def _flips(
    scored: list[dict[str, Estimate]],
) -> Iterator[tuple[tuple[str, ...], Estimate, Estimate]]:
    """Names of two conventions and two models, and the differences of these by either."""
    for one, other in CONTRASTS:
        for pair in combinations(scored[0], 2):
            first, second = (difference(*(scored[i][m] for m in pair)) for i in (one, other))
            if round(first.value, _DIGITS) * round(second.value, _DIGITS) < 0:
                if first.value < 0:
                    pair = pair[::-1]
                    first, second = (
                        difference(*(scored[i][m] for m in pair)) for i in (one, other)
                    )
                names = (CONVENTIONS[one].name, CONVENTIONS[other].name)
                yield (*names, *pair), first, second
