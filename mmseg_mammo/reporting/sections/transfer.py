"""Transfer section: every model on every data set, and its drop from source to target."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes

from mmseg_mammo.evaluation.bootstrap import Estimate, difference, mean
from mmseg_mammo.evaluation.overlap import dice
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import (
    cells,
    counts,
    few_notes,
    grid_notes,
    mark_cells,
    mark_notes,
    number,
    strata,
)
from mmseg_mammo.reporting.sections.conventions import (
    CONVENTIONS,
    LESION_IMAGES,
    convention_items,
    score,
)
from mmseg_mammo.reporting.sections.results import lesion_dice
from mmseg_mammo.visualization.plots import Figure, model_style, panels

_COLUMNS = (
    *('model', 'trained on', 'tested on', 'images', 'Dice %, all', 'lesion images'),
    *('Dice %, lesion', 'low', 'high', 'normal images', 'left empty %, normal'),
    *('drop of Dice, lesion', 'drop low', 'drop high', 'mark'),
)
_DROPS = (
    *('model', 'trained on', 'tested on', 'convention', 'images of source', 'of target'),
    *('Dice %, source', 'Dice %, target', 'drop', 'low', 'high', 'conclusion', 'changes', 'mark'),
)


def transfer_section(runs: Runs) -> Section:
    """The matrix with its drops, and the conclusions that hang on a convention."""
    found = {(t.model, t.dataset): lesion_dice(t.images) for t in runs.tests}
    rows = [row for model in runs.models for row in _transfer_rows(model, runs, found)]
    notes = (
        (
            'Drop: Dice over images with a lesion on the data set of the training (its test split) '
            'minus that on the data set of the row, in percentage points; patients of both are '
            'drawn apart for its 95 % interval; there is none unless both scores have one.'
        ),
        *mark_notes(runs.tests),
    )
    table = Table('transfer', 'From source to target', _COLUMNS, tuple(rows), notes)
    text = (
        (
            'The drop of the first table is over images with a lesion, since the share of normal '
            'images differs between data sets.'
        ),
        (
            'A conclusion changes if two models swap places when the same predictions are scored '
            'by another convention, or if a loss on the way to another hospital becomes a gain or '
            'uncertain. The tables of conventions rank the models under each; the last table lists '
            'every pair that swaps.'
        ),
    )
    items: list[Table | Figure] = [table, _transfer_figure(runs, found)]
    if (drops := _drop_table(runs)).rows:
        items.append(drops)
    return Section('transfer', 'Transfer', text, (*items, *convention_items(runs)))


def source(test: Test) -> str | None:
    """Name of the data set that the model of a test was trained on, None if not known."""
    return test.training.dataset if test.training else None


def _home_test(test: Test, runs: Runs) -> Test | None:
    """The test of the same model on the data set of its training; None if that is this one.

    Nor is there one on another grid: its scores are not the same thing.
    """
    alike = (test.model, test.eval_size)
    mine = (t for t in runs.on(source(test) or '') if (t.model, t.eval_size) == alike)
    home = next(mine, None)
    return None if home is test else home


def _transfer_rows(
    model: str, runs: Runs, found: dict[tuple[str, str], Estimate]
) -> Iterator[tuple[Cell, ...]]:
    for test in (test for test in runs.tests if test.model == model):
        images, home = test.images, _home_test(test, runs)
        lesion, normal = (strata(images)[name] for name in ('lesion', 'normal'))
        here = found[model, test.dataset]
        drop = _drop(found[model, home.dataset], here) if home else None
        empty = mean(100.0 * (images['predicted_pixels'] == 0)[normal], images.patients[normal])
        sizes = int(lesion.sum()), int(normal.sum())
        of_home = [int(strata(home.images)['lesion'].sum())] if home else []
        shown = [here, drop] if drop else [here]
        mark = mark_cells(test, *sizes, *of_home, *shown, beside=[home] if home else [])
        yield (
            *(model, source(test), test.dataset, len(images)),
            number(100 * float(np.mean(dice(*counts(images)))) if len(images) else np.nan),
            *(sizes[0], *cells(here), sizes[1], number(empty.value)),
            *(cells(drop) if drop else (None, None, None)),
            mark,
        )


def _drop_table(runs: Runs) -> Table:
    """The drop by each convention: whether a loss is a gain when counted otherwise."""
    rows = [
        row
        for model in runs.models
        for test in runs.tests
        if test.model == model and (home := _home_test(test, runs))
        for row in _drop_rows(home, test)
    ]
    notes = (
        (
            'Drop of Dice from the data set of the training to that of the row, in percentage points, '
            'with 95 % intervals over patients, as in the first table. Not sure: the interval '
            'contains 0. Changes: another conclusion than over lesion images on the grid of the masks.'
        ),
        *grid_notes(runs.tests),
        *mark_notes(runs.tests),
    )
    return Table('drops', 'The drop by each convention', _DROPS, tuple(rows), notes)


def _drop_rows(home: Test, test: Test) -> Iterator[tuple[Cell, ...]]:
    usual = _conclusion(_drop(*(score(t.images, LESION_IMAGES) for t in (home, test))))
    for way in CONVENTIONS:
        here, there = (score(t.images, way) for t in (home, test))
        drop = _drop(here, there)
        concluded = _conclusion(drop)
        known = usual is not None and concluded is not None
        sizes = [int(strata(t.images)[way.stratum].sum()) for t in (home, test)]
        yield (
            *(test.model, home.dataset, test.dataset, way.name, sizes[0], sizes[1]),
            *(number(here.value), number(there.value), *cells(drop), concluded),
            ('no' if concluded == usual else 'yes') if known else None,
            mark_cells(test, *sizes, drop, beside=(home,)),
        )


def _conclusion(drop: Estimate) -> str | None:
    """What a drop says; without an interval its sign alone."""
    value = number(drop.value)
    if not isinstance(value, float):
        return None
    if value == 0:
        return 'no change'
    if drop.low <= 0 <= drop.high:  # never of NaN
        return 'not sure'
    return 'loss' if value > 0 else 'gain'


def _drop(home: Estimate, here: Estimate) -> Estimate:
    """``home`` − ``here``; no interval unless both have one: how sure is half of it is not known."""
    drop = difference(home, here)
    known = not np.isnan((home.low, here.low)).any()
    return drop if known else Estimate(drop.value, np.nan, np.nan, drop.rounds, drop.patients)


def _transfer_figure(runs: Runs, found: dict[tuple[str, str], Estimate]) -> Figure:
    def draw(axis: Axes) -> None:
        for index, model in enumerate(runs.models):
            shift = 0.06 * (index - (len(runs.models) - 1) / 2)
            here = [
                (i, found[model, d]) for i, d in enumerate(runs.datasets) if (model, d) in found
            ]
            known = [(i + shift, each) for i, each in here if not np.isnan(each.value)]
            axis.plot(
                [x for x, _ in known], [e.value for _, e in known], lw=1, ms=5, **model_style(index)
            )
            for x, each in known:
                axis.plot([x, x], [each.low, each.high], color=model_style(index)['color'], lw=1)
        axis.set_xticks(range(len(runs.datasets)), runs.datasets)
        axis.set_xlim(-0.5, len(runs.datasets) - 0.5)
        axis.set_ylim(0, max(1, axis.get_ylim()[1]))  # percent; 1e-8 is nothing
        axis.set_ylabel('Dice %, images with lesion')

    alt = '; '.join(
        f'{m} on {d}: {"no lesions" if np.isnan(e.value) else f"{e.value:.1f}"}'
        for (m, d), e in found.items()
    )
    few = few_notes(
        {f'{t.model} on {t.dataset}': int(strata(t.images)['lesion'].sum()) for t in runs.tests}
        | {f'interval of {m} on {d}': estimate for (m, d), estimate in found.items()}
    )
    start = 'Dice over images with a lesion, 95 % intervals.'
    caption = ' '.join((start, *few, *mark_notes(runs.tests)))
    size = (max(5.0, 1.7 * len(runs.datasets) + 2), 3.8)
    return panels('transfer', 'From source to target', caption, alt, [draw], runs.places, size=size)
