"""Two-stage section: where lesions are lost, how candidates are ranked, FROC of one stage and two."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

import numpy as np

from mmseg_mammo.evaluation.bootstrap import ratio
from mmseg_mammo.evaluation.froc import OPERATING_POINTS, Curve, froc, sensitivities
from mmseg_mammo.evaluation.two_stage.lost import LOST
from mmseg_mammo.evaluation.two_stage.ranking import (
    RANKINGS,
    candidate_detections,
    most_candidates,
    places_of_lesions,
)
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.naming import may_be_one
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import cells, few_notes, has_lesion, mark_cells, mark_notes
from mmseg_mammo.reporting.sections.lesions import draw_froc, froc_in_words
from mmseg_mammo.visualization.plots import COLOURS, Figure, panels

FINDER = 'finder'  # folder of the first stage's training, in the work folder of both
SEGMENTED = 'segmented'
_LOST_COLUMNS = ('model', 'images', 'lesions', 'fate', 'count', '%', 'low', 'high', 'mark')
_RANK_COLUMNS = (
    'model',
    'ranked by',
    'first candidates',
    'found %',
    'low',
    'high',
    'lesions',
    'mark',
)
_FROC_COLUMNS = (
    *('model', 'ranked by', 'FP per image', 'sensitivity %', 'low', 'high'),
    *('images', 'lesions', 'mark'),
)


@dataclass(frozen=True)
class _Line:
    """One line of the figure."""

    label: str
    place: int  # index of its look
    curve: Curve


def stage_section(runs: Runs) -> Section | None:
    """Three tables and a figure for each data set with tests of two stages; None without any."""
    items: list[Table | Figure] = []
    for dataset in runs.datasets:
        tests = tuple(test for test in runs.on(dataset) if test.candidates is not None)
        if tests:
            items += _of_dataset(runs, dataset, tests)
    if not items:
        return None
    text = (
        (
            'The finder looks at the whole image and offers candidates, each with a crop around it; '
            'the refiner looks at the crops at full resolution, and ranks and segments them. A lesion '
            'that is not segmented (IoU ≥ 0.1) is lost at one place: no crop holds half of it (not '
            'found), some do and none of them is kept (ranked away), or one is kept and its mask '
            'misses (segmented badly).'
        ),
        (
            'More or larger crops help what is not found; another ranking, or more candidates that '
            'are kept, what is ranked away; a better refiner what is segmented badly.'
        ),
    )
    return Section('two_stages', 'Two stages', text, tuple(items))


def _of_dataset(runs: Runs, dataset: str, tests: Sequence[Test]) -> list[Table | Figure]:
    slug = runs.slug(dataset)
    ranked = {(t.model, name): _ranked(t, by) for t in tests for name, by in RANKINGS.items()}
    curves = {each: froc(*pair, 'centre') for each, pair in ranked.items()}
    return [
        _lost_table(dataset, slug, tests),
        _rank_table(dataset, slug, tests),
        _candidate_table(dataset, slug, tests, ranked, curves),
        _stage_figure(dataset, slug, runs, tests, curves),
    ]


def _lesions_and_candidates(test: Test) -> tuple[Records, Records]:
    """Lesions and candidates of a test of two stages."""
    assert test.lesions is not None
    assert test.candidates is not None
    return test.lesions, test.candidates


def _ranked(test: Test, by: str) -> tuple[Records, Records]:
    """Images and candidates as :func:`.froc` takes them."""
    return test.images, candidate_detections(test.images, *_lesions_and_candidates(test), by)


def _lost_table(dataset: str, slug: str, tests: Sequence[Test]) -> Table:
    notes = (
        "Shares of all true lesions, at the model's own thresholds. Intervals: 95 %, over patients.",
        *mark_notes(tests),
    )
    rows = tuple(row for test in tests for row in _lost_rows(test))
    title = f'Where lesions of {dataset} are lost'
    return Table(f'lost_{slug}', title, _LOST_COLUMNS, rows, notes)


def _lost_rows(test: Test) -> Iterator[tuple[Cell, ...]]:
    images, lesions = test.images, test.images['true_lesions']
    counts = {name: images[column] for name, column in LOST.items()}
    for name, each in {SEGMENTED: lesions - sum(counts.values()), **counts}.items():
        share = ratio(100 * each, lesions, images.patients)
        mark = mark_cells(test, int(has_lesion(images).sum()), share)
        whole = (len(images), int(lesions.sum()), name, int(each.sum()))
        yield test.model, *whole, *cells(share), mark


def _rank_table(dataset: str, slug: str, tests: Sequence[Test]) -> Table:
    notes = (
        (
            'A candidate finds a lesion if its crop holds at least half of it. All candidates count, '
            'kept or not. Intervals: 95 %, over patients.'
        ),
        *mark_notes(tests),
    )
    rows = tuple(row for test in tests for row in _rank_rows(test))
    title = f'Lesions of {dataset} among the first candidates'
    return Table(f'ranking_{slug}', title, _RANK_COLUMNS, rows, notes)


def _rank_rows(test: Test) -> Iterator[tuple[Cell, ...]]:
    lesions, candidates = _lesions_and_candidates(test)
    true = lesions.where(lesions['kind'] == 'true')
    images = int(has_lesion(test.images).sum())
    for name, by in RANKINGS.items():
        places = places_of_lesions(lesions, candidates, by)
        for first in range(1, most_candidates(candidates) + 1):
            found = ratio(100.0 * (places <= first), np.ones(len(true)), true.patients)
            mark = mark_cells(test, images, found)
            yield test.model, name, first, *cells(found), len(true), mark


def _candidate_table(
    dataset: str,
    slug: str,
    tests: Sequence[Test],
    ranked: Mapping[tuple[str, str], tuple[Records, Records]],
    curves: Mapping[tuple[str, str], Curve],
) -> Table:
    points = (*map(str, OPERATING_POINTS), 'mean of these', 'any')
    rows = tuple(
        (
            *(test.model, name, point, *cells(estimate), len(test.images)),
            int(test.images['true_lesions'].sum()),
            mark_cells(test, int(has_lesion(test.images).sum()), estimate),
        )
        for test in tests
        for name in RANKINGS
        for point, estimate in zip(
            points,
            sensitivities(*ranked[test.model, name], 'centre', curves[test.model, name]),
            strict=True,
        )
    )
    notes = (
        (
            'Sensitivity at so many false positives (FP) per image, of all candidates, kept or not: '
            'a lesion is found if a peak lies in it. 95 % intervals over patients. Beyond the last '
            'candidate the curve goes on level.'
        ),
        *mark_notes(tests),
    )
    title = f'FROC of the candidates on {dataset}'
    return Table(f'froc_candidates_{slug}', title, _FROC_COLUMNS, rows, notes)


def _stage_figure(
    dataset: str,
    slug: str,
    runs: Runs,
    tests: Sequence[Test],
    curves: Mapping[tuple[str, str], Curve],
) -> Figure:
    candidates = list(_candidate_lines(runs, tests, curves))
    shown = (*tests, *_finders(tests, runs.on(dataset)))
    regions = [
        _Line(t.model, runs.places[t.model], froc(t.images, t.lesions, 'IoU ≥ 0.1'))
        for t in shown
        if t.lesions is not None
    ]
    alt = '; '.join(
        f'{title}, {line.label}: {froc_in_words(line.curve)}'
        for title, lines in (('candidates', candidates), ('regions', regions))
        for line in lines
    )
    few = few_notes({f'lesion images of {t.model}': int(has_lesion(t.images).sum()) for t in tests})
    caption = ' '.join(
        (
            'Lesions found against false positives.',
            'Left: all candidates; a lesion is found if a peak lies in it.',
            'Right: regions of the masks, and those of the map of a finder that was tested alone.',
            *few,
            *mark_notes(shown),
        )
    )
    looks = {line.label: line.place for line in (*candidates, *regions)}
    drawers = [
        partial(draw_froc, lines=[(one.place, one.curve) for one in lines], title=title)
        for title, lines in (
            ('all candidates: peak in a lesion', candidates),
            ('regions: IoU ≥ 0.1', regions),
        )
    ]
    title = f'FROC of one stage and two on {dataset}'
    return panels(f'froc_two_stages_{slug}', title, caption, alt, drawers, looks)


def _candidate_lines(
    runs: Runs, tests: Sequence[Test], curves: Mapping[tuple[str, str], Curve]
) -> Iterator[_Line]:
    """Two for each model, in its colour."""
    for model in (test.model for test in tests):
        for turn, name in enumerate(RANKINGS):
            label = f'{model}, candidates by {name}' if turn else model
            yield _Line(label, runs.places[model] + turn * len(COLOURS), curves[model, name])


def _finders(tests: Sequence[Test], others: Sequence[Test]) -> list[Test]:
    """The tests of the finders alone: their checkpoints lie in :data:`FINDER` beside those of both."""
    homes = [
        PurePath(test.run.get('checkpoint') or '').parent / FINDER
        for test in tests
        if test.run.get('checkpoint')
    ]
    return [
        other
        for other in others
        if other.candidates is None
        and other.run.get('checkpoint')
        and any(may_be_one(PurePath(other.run['checkpoint']).parent, home) for home in homes)
    ]
