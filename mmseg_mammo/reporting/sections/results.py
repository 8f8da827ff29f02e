"""Result section: IoU and Dice of every model by stratum, with paired tests of the models."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from mmseg_mammo.evaluation.bootstrap import (
    FEWEST,
    PERMUTATIONS,
    Estimate,
    adjust,
    mean,
    sign_flip,
    smallest_adjusted,
)
from mmseg_mammo.evaluation.overlap import dice, iou
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import (
    cells,
    common_images,
    counts,
    empty_counts,
    few_notes,
    mark_cells,
    mark_notes,
    number,
    strata,
)
from mmseg_mammo.visualization.plots import Figure, forest

NOTHING = 'predict nothing'
Counts = tuple[np.ndarray, np.ndarray, np.ndarray]
_INTERVALS = (
    'Means over images, each image counting once. Intervals: 95 %, expanded percentile bootstrap '
    'over patients (2,000 draws); of fewer than 20 they may be too narrow. None below five '
    'patients, and none where no patient differs from another, as if all are perfect: draws of '
    'equal numbers say nothing of other patients.'
)
_COLUMNS = (
    *('model', 'images', 'n', 'patients', 'IoU %', 'IoU low', 'IoU high'),
    *('Dice %', 'Dice low', 'Dice high', 'left empty %', 'empty low', 'empty high', 'mark'),
)


def result_section(runs: Runs) -> Section:
    """A table and a figure for each data set, and the paired tests of all of them."""
    items: list[Table | Figure] = []
    for dataset in runs.datasets:
        tests, slug = runs.on(dataset), runs.slug(dataset)
        items += [
            _result_table(dataset, slug, tests),
            _result_figure(dataset, slug, tests, runs.places),
        ]
    compared = _comparison_table(runs)
    if compared.rows:
        items.append(compared)
    text = (
        (
            'Look at images with and without lesion apart: where many images are normal, a model '
            'that never marks anything scores high over all images.'
        ),
        (
            'Left empty is, for normal images, the specificity of the mask; for images with a '
            'lesion, the share that was missed altogether.'
        ),
    )
    return Section('results', 'Results', text, tuple(items), runs.warnings)


def _result_table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    rows = [row for test in tests for row in _result_rows(test.model, test, counts(test.images))]
    rows += _result_rows(NOTHING, tests[0], empty_counts(tests[0].images))
    notes = (_INTERVALS, *_unannotated(dataset, tests), *mark_notes(tests))
    return Table(f'results_{slug}', f'Results on {dataset}', _COLUMNS, tuple(rows), notes)


def _unannotated(dataset: str, tests: tuple[Test, ...]) -> tuple[str, ...]:
    """How many images were left out because nobody annotated them, where there are any."""
    count = max(test.not_annotated or 0 for test in tests)
    return (f'{dataset}: {count} more images, which nobody annotated, were left out.',) * (
        count > 0
    )


def _result_rows(model: str, test: Test, pixels: Counts) -> Iterator[tuple[Cell, ...]]:
    for name, chosen in strata(test.images).items():
        patients = test.images.patients[chosen]
        values = (100 * iou(*pixels), 100 * dice(*pixels), 100.0 * (pixels[1] == 0))
        estimates = [mean(each[chosen], patients) for each in values]
        count = len(patients)
        mark = mark_cells(test, count, *estimates, empty=model == NOTHING)
        shown = sum(map(cells, estimates), ())
        yield (model, name, count, len(set(patients)), *shown, mark)


def lesion_dice(images: Records) -> Estimate:
    """Dice in percent over images with a lesion."""
    chosen = strata(images)['lesion']
    return mean(100 * dice(*counts(images))[chosen], images.patients[chosen])


def _result_figure(
    dataset: str, slug: str, tests: tuple[Test, ...], places: Mapping[str, int]
) -> Figure:
    panels: dict[str, dict[str, Estimate]] = {}
    for name in ('all', 'lesion'):
        columns = [(test.model, test.images, counts(test.images)) for test in tests]
        columns.append((NOTHING, tests[0].images, empty_counts(tests[0].images)))
        panels[f'{name} images: Dice %'] = {
            model: mean(100 * dice(*pixels)[strata(images)[name]], _stratum_patients(images, name))
            for model, images, pixels in columns
        }
    panels['normal images: left empty %'] = {
        test.model: mean(
            100.0 * (test.images['predicted_pixels'] == 0)[strata(test.images)['normal']],
            _stratum_patients(test.images, 'normal'),
        )
        for test in tests
    }
    normal = strata(tests[0].images)['normal']
    panels['normal images: left empty %'][NOTHING] = mean(
        np.full(int(normal.sum()), 100.0), _stratum_patients(tests[0].images, 'normal')
    )
    few = few_notes(
        {f'{n} images': int(c.sum()) for n, c in strata(tests[0].images).items()}
        | {f'{m}, {text}': e for text, panel in panels.items() for m, e in panel.items()}
    )
    start = 'Dots are means, bars 95 % intervals over patients.'
    caption = ' '.join((start, *few, *mark_notes(tests)))
    return forest(f'scores_{slug}', f'Scores on {dataset}', caption, panels, places)


def _stratum_patients(images: Records, stratum: str) -> np.ndarray:
    return images.patients[strata(images)[stratum]]


def _comparison_table(runs: Runs) -> Table:
    rows: list[tuple[Cell, ...]] = []
    p_values: list[float] = []
    for dataset in runs.datasets:
        for row, p_value in _comparison_rows(dataset, runs.on(dataset)):
            rows.append(row)
            p_values.append(p_value)
    adjusted = adjust(np.array(p_values))
    complete = [
        (*row[:-1], number(p, 5), number(q, 5), row[-1])
        for row, p, q in zip(rows, p_values, adjusted, strict=True)
    ]
    columns = (
        *('data set', 'images', 'score', 'model', 'against', 'n', 'patients'),
        *('difference', 'low', 'high', 'p', 'p adjusted', 'mark'),
    )
    return Table(
        'comparisons', 'Paired comparisons', columns, tuple(complete), _comparison_notes(runs, rows)
    )


def _comparison_notes(runs: Runs, rows: list[tuple[Cell, ...]]) -> tuple[str, ...]:
    alone, together = smallest_adjusted(len(rows)) if rows else (np.nan, np.nan)
    return (
        (
            'Model minus the one it is held against, which is the start of a tuned one, in percentage '
            'points, on the images that all models of a data set have. Where no image is normal, or all are, the strata are one.'
        ),
        (
            f'p: {PERMUTATIONS:,} flips of the sign of all differences of a patient at once, '
            "two-sided; adjusted for all rows of this table (Benjamini and Yekutieli's false "
            f'discovery rate). Not below {1 / (PERMUTATIONS + 1):.5f}, nor below 2/2^n of n patients; '
            f'adjusted not below {together:.5f}, and {alone:.5f} if one row alone is as small.'
        ),
        'A large p does not show that two models are equal.',
        *mark_notes(runs.tests),
    )


def _comparison_rows(
    dataset: str, tests: tuple[Test, ...]
) -> Iterator[tuple[tuple[Cell, ...], float]]:
    """Rows without their p-values, and these, for every pair of models."""
    pairs = [
        (b, a) if tests[b].was_tuned_from(tests[a]) else (a, b)
        for a, b in combinations(range(len(tests)), 2)
    ]
    records = common_images(tests)
    for name, score in (('all', 'Dice'), ('lesion', 'Dice'), ('normal', 'left empty')):
        chosen = strata(records[0])[name]
        patients = records[0].patients[chosen]
        twice = name != 'all' and chosen.all()
        if twice or len(set(patients)) < FEWEST or not pairs:
            continue
        values = [
            (dice(*counts(r)) if score == 'Dice' else 1.0 * (r['predicted_pixels'] == 0))[chosen]
            for r in records
        ]
        differences = np.stack([100 * (values[a] - values[b]) for a, b in pairs], axis=1)
        for (a, b), column, p_value in zip(
            pairs, differences.T, sign_flip(differences, patients), strict=True
        ):
            between = mean(column, patients)
            mark = mark_cells(tests[a], between, beside=(tests[b],))
            facts = (dataset, name, score, tests[a].model, tests[b].model)
            size = (len(column), len(set(patients)))
            yield (*facts, *size, *cells(between), mark), p_value
