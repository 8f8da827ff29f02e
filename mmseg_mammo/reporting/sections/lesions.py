"""Lesion section: lesions found, false positives, FROC, and surface distances."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from mmseg_mammo.evaluation.bootstrap import mean, ratio
from mmseg_mammo.evaluation.froc import CRITERIA, OPERATING_POINTS, Curve, froc, sensitivities
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import cells, few_notes, has_lesion, mark_cells, mark_notes
from mmseg_mammo.visualization.plots import Figure, model_style, panels

# Criterion and the suffix of its columns in per_image_test.csv.
_COUNTED = {'IoU ≥ 0.1': 'iou10', 'centre': 'centre'}
_COLUMNS = (
    *('model', 'criterion', 'images', 'lesions', 'found %', 'low', 'high'),
    *('FP per image', 'FP low', 'FP high', 'normal images'),
    *('FP per normal image', 'FP normal low', 'FP normal high', 'mark'),
)
_OUTLINES = (
    *('model', 'lesion images', 'Hausdorff 95, px', 'low', 'high'),
    *('Hausdorff 95, % of diagonal', '% low', '% high'),
    *('surface Dice %', 'surface low', 'surface high', 'mark'),
)
# Of the images whose pixels have a known size.
_MILLIMETRES = ('images in mm', 'Hausdorff 95, mm', 'mm low', 'mm high')


def lesion_section(runs: Runs) -> Section:
    """Tables at the model's own threshold, FROC, and its standard operating points."""
    items: list[Table | Figure] = []
    for dataset in runs.datasets:
        tests = tuple(test for test in runs.on(dataset) if test.lesions is not None)
        if tests:
            slug = runs.slug(dataset)
            curves = {(t.model, way): froc(*_records(t), way) for t in tests for way in CRITERIA}
            items += [
                _lesion_table(dataset, slug, tests),
                _outline_table(dataset, slug, tests),
                _operating_point_table(dataset, slug, tests, curves),
                _froc_figure(dataset, slug, tests, curves, runs.places),
            ]
    text = (
        (
            'A lesion is a connected region of the true mask. It is found if a detection overlaps it '
            'with an IoU of at least 0.1, or has its centre in it; the rest of the detections are '
            'false positives.'
        ),
        (
            'Hausdorff 95 and surface Dice are means over images with a lesion, of the whole masks. '
            'Where no pixel of a lesion is marked, an image counts as its diagonal and as 0 %, '
            'whatever else is marked: neither silence nor a stray pixel is rewarded.'
        ),
    )
    return Section('lesions', 'Lesion level', text, tuple(items))


def _records(test: Test) -> tuple[Records, Records]:
    """Images, and lesions and detections, of a test that looked at them."""
    assert test.lesions is not None
    return test.images, test.lesions


def _lesion_table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    notes = (
        "At the model's own threshold. FP: false positives. Intervals: 95 %, over patients.",
        *mark_notes(tests),
    )
    rows = tuple(_lesion_row(test, criterion) for criterion in CRITERIA for test in tests)
    return Table(f'lesions_{slug}', f'Lesions of {dataset}', _COLUMNS, rows, notes)


def _lesion_row(test: Test, criterion: str) -> tuple[Cell, ...]:
    images, suffix = test.images, _COUNTED[criterion]
    lesions, normal = images['true_lesions'], ~has_lesion(images)
    vain = images[f'false_positives_{suffix}']
    found = ratio(100 * images[f'hits_{suffix}'], lesions, images.patients)
    false = mean(vain, images.patients)
    of_normal = mean(vain[normal], images.patients[normal])
    return (
        *(test.model, criterion, len(images), int(lesions.sum()), *cells(found)),
        *(*cells(false), int(normal.sum()), *cells(of_normal)),
        mark_cells(test, int((~normal).sum()), int(normal.sum()), found, false, of_normal),
    )


def _outline_table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    known = any(_in_mm(test).any() for test in tests)
    measured = ('In mm: images whose pixels have a known size, in the plane of the breast.',)
    notes = (
        'Means over images with a lesion. Intervals: 95 %, over patients.',
        *(measured if known else ()),
        *mark_notes(tests),
    )
    place = _OUTLINES.index('surface Dice %')
    columns = (*_OUTLINES[:place], *_MILLIMETRES, *_OUTLINES[place:]) if known else _OUTLINES
    rows = tuple(_outline_row(test, known) for test in tests)
    return Table(f'outlines_{slug}', f'Outlines on {dataset}', columns, rows, notes)


def _in_mm(test: Test) -> np.ndarray:
    """N bool: images with a lesion and a distance in mm; older tests have none."""
    if 'hausdorff95_mm' not in test.images:
        return np.zeros(len(test.images), bool)
    return has_lesion(test.images) & ~np.isnan(test.images['hausdorff95_mm'])


def _mm_cells(test: Test) -> tuple[Cell, ...]:
    chosen = _in_mm(test)
    if not chosen.any():
        return 0, None, None, None
    measured = test.images.where(chosen)
    return len(measured), *cells(mean(measured['hausdorff95_mm'], measured.patients))


def _outline_row(test: Test, in_mm: bool) -> tuple[Cell, ...]:
    images = test.images.where(has_lesion(test.images))
    distance = images['hausdorff95']
    diagonal = np.hypot(images['height'], images['width'])
    values = (distance, 100 * distance / diagonal, 100 * images['surface_dice'])
    found = [mean(each, images.patients) for each in values]
    mark = mark_cells(test, len(images), *found)
    distances, surface = sum(map(cells, found[:2]), ()), cells(found[2])
    millimetres = _mm_cells(test) if in_mm else ()
    return test.model, len(images), *distances, *millimetres, *surface, mark


def _operating_point_table(
    dataset: str, slug: str, tests: tuple[Test, ...], curves: Mapping[tuple[str, str], Curve]
) -> Table:
    names = (*map(str, OPERATING_POINTS), 'mean of these', 'any')
    rows = tuple(
        (
            *(test.model, criterion, name, *cells(estimate), len(test.images)),
            int(test.images['true_lesions'].sum()),
            mark_cells(test, int(has_lesion(test.images).sum()), estimate),
        )
        for criterion in CRITERIA
        for test in tests
        for name, estimate in zip(
            names,
            sensitivities(*_records(test), criterion, curves[test.model, criterion]),
            strict=True,
        )
    )
    columns = (
        *('model', 'criterion', 'FP per image', 'sensitivity %', 'low', 'high'),
        *('images', 'lesions', 'mark'),
    )
    notes = (
        (
            'Sensitivity at so many false positives (FP) per image (FROC; MONAI, CAMELYON 16), the '
            'mean of these points, and with every detection of the test (any); 95 % intervals over '
            'patients. Beyond the last detection the curve goes on level.'
        ),
        *mark_notes(tests),
    )
    return Table(f'froc_{slug}', f'FROC of {dataset}', columns, rows, notes)


def _froc_figure(
    dataset: str,
    slug: str,
    tests: tuple[Test, ...],
    curves: Mapping[tuple[str, str], Curve],
    places: Mapping[str, int],
) -> Figure:
    def drawer(way: str) -> Callable[[Axes], None]:
        lines = [(places[test.model], curves[test.model, way]) for test in tests]
        return lambda axis: draw_froc(axis, lines, f'criterion: {way}')

    alt = '; '.join(f'{m}, {w}: {froc_in_words(c)}' for (m, w), c in curves.items())
    few = few_notes({f'lesion images of {t.model}': int(has_lesion(t.images).sum()) for t in tests})
    caption = ' '.join(('Lesions found against false positives.', *few, *mark_notes(tests)))
    models = {test.model: places[test.model] for test in tests}
    drawers = [drawer(way) for way in CRITERIA]
    return panels(f'froc_{slug}', f'FROC of {dataset}', caption, alt, drawers, models)


def draw_froc(axis: Axes, lines: Sequence[tuple[int, Curve]], title: str) -> None:
    """Draw FROC curves, each in the look of its index."""
    for place, (rate, found) in lines:
        style = {**model_style(place), 'marker': ''}
        # Level from the last detection on, as the table has it.
        axis.plot(np.append(rate[::-1], 8.5), 100 * np.append(found[::-1], found[0]), **style)
    axis.set_xlim(0, 8.5)
    axis.set_ylim(0, 100)
    axis.set_xlabel('false positives per image')
    axis.set_ylabel('sensitivity %')
    axis.set_title(title)


def froc_in_words(curve: Curve) -> str:
    """The end of a FROC curve, for readers who cannot see it."""
    found = curve[1]
    return 'no lesions' if np.isnan(found).any() else f'at most {100 * found.max():.1f} %'
