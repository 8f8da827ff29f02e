"""Lesion level: what was found, what was marked in vain, FROC, and how far outlines are off."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from matplotlib.axes import Axes

from mmseg_mammo.reporting.contents import Cell, Figure, Section, Table
from mmseg_mammo.reporting.figures import look, panels
from mmseg_mammo.reporting.reading import Records, Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import cells, has_lesion, mark_notes, marked, number
from mmseg_mammo.reporting.statistics import mean, ratio

# CAMELYON 16's, and MONAI's default.
OPERATING_POINTS = (0.25, 0.5, 1, 2, 4, 8)
# Column of lesions_test.csv that says which detection, or lesion, belongs to a row.
CRITERIA = {'IoU ≥ 0.1': 'match', 'centre': 'centre_match'}
Curve = tuple[np.ndarray, np.ndarray]
_COLUMNS = (
    *('model', 'images', 'lesion images', 'normal images', 'lesions'),
    *('found %, IoU ≥ 0.1', 'low', 'high', 'found %, centre', 'centre low', 'centre high'),
    *('FP per image, IoU ≥ 0.1', 'FP low', 'FP high'),
    *('FP per image, centre', 'FP centre low', 'FP centre high'),
    *('FP per normal image, IoU ≥ 0.1', 'FP per normal image, centre'),
    *('Hausdorff 95, px', 'Hausdorff 95, % of diagonal', 'surface Dice %', 'mark'),
)


def lesion_section(runs: Runs) -> Section:
    """Tables at the model's own threshold, FROC, and its standard operating points."""
    items: list[Table | Figure] = []
    for dataset in runs.datasets:
        tests = tuple(test for test in runs.on(dataset) if test.lesions is not None)
        if tests:
            slug = runs.slug(dataset)
            curves = {(t.model, way): froc(t, way) for t in tests for way in CRITERIA}
            items += [
                _table(dataset, slug, tests),
                _points(dataset, slug, tests, curves),
                _figure(dataset, slug, tests, curves, runs.places),
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


def _table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    notes = (
        "At the model's own threshold. FP: false positives. Intervals: 95 %, over patients.",
        *mark_notes(tests),
    )
    rows = tuple(_row(test) for test in tests)
    return Table(f'lesions_{slug}', f'Lesions of {dataset}', _COLUMNS, rows, notes)


def _row(test: Test) -> tuple[Cell, ...]:
    images, patients = test.images, test.images.patients
    lesions = images['true_lesions']
    diseased, normal = images.where(has_lesion(images)), images.where(~has_lesion(images))
    distance = diseased['hausdorff95']
    diagonal = np.hypot(diseased['height'], diseased['width'])
    means = (distance, 100 * distance / diagonal, 100 * diseased['surface_dice'])
    return (
        *(test.model, len(images), len(diseased), len(normal), int(lesions.sum())),
        *cells(ratio(100 * images['hits_iou10'], lesions, patients)),
        *cells(ratio(100 * images['hits_centre'], lesions, patients)),
        *cells(mean(images['false_positives_iou10'], patients)),
        *cells(mean(images['false_positives_centre'], patients)),
        *(number(_mean(normal[f'false_positives_{way}'])) for way in ('iou10', 'centre')),
        *(number(_mean(values)) for values in means),
        marked(test, len(diseased), len(normal)),
    )


def _lesions(test: Test) -> int:
    return int(test.images['true_lesions'].sum())


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def froc(test: Test, criterion: str) -> Curve:
    """False positives per image and sensitivity, both D float, the lowest threshold first.

    MONAI's ``compute_froc_curve_data``: a lesion has the score of the surest detection that hits
    it; a detection that hits none is a false positive; a second one on a lesion is neither by
    the centre criterion, and a false positive by IoU, which matches one to one.
    """
    from monai.metrics import compute_froc_curve_data  # imports torch: seconds

    if test.lesions is None:
        raise ValueError(f'{test.folder}: tested without lesions=True')
    rows, column = test.lesions, CRITERIA[criterion]
    true = rows['kind'] == 'true'
    missed = np.isnan(rows[column])
    hits = _scores(rows, rows.where(true & ~missed), column)
    # MONAI takes the lowest score for that of a miss, and leaves it out.
    false = np.append(rows['score'][~true & missed], 0.0)
    lesions = int(true.sum())
    found = np.append(hits, np.zeros(lesions - len(hits)))
    with np.errstate(invalid='ignore'):
        return compute_froc_curve_data(false, found, lesions, len(test.images))


def _scores(rows: Records, hit: Records, column: str) -> np.ndarray:
    """Scores of the detections that the lesions of ``hit`` name."""
    detections = rows.where(rows['kind'] == 'detection')
    keys = zip(detections['key'].tolist(), detections['number'].tolist(), strict=True)
    known = dict(zip(keys, detections['score'].tolist(), strict=True))
    named = zip(hit['key'].tolist(), hit[column].tolist(), strict=True)
    return np.array([known[each] for each in named])


def _points(
    dataset: str, slug: str, tests: tuple[Test, ...], curves: Mapping[tuple[str, str], Curve]
) -> Table:
    rows = tuple(
        (test.model, way, *_sensitivities(curves[test.model, way]), marked(test, _lesions(test)))
        for way in CRITERIA
        for test in tests
    )
    columns = (
        *('model', 'criterion'),
        *(f'at {point}' for point in OPERATING_POINTS),
        *('mean of them', 'highest', 'mark'),
    )
    notes = (
        (
            'Sensitivity in % at so many false positives per image (FROC; MONAI, CAMELYON 16). Beyond '
            'the last detection the curve goes on level.'
        ),
        *mark_notes(tests),
    )
    return Table(f'froc_{slug}', f'FROC of {dataset}', columns, rows, notes)


def _sensitivities(curve: Curve) -> Iterator[Cell]:
    from monai.metrics import compute_froc_score

    for points in (*((point,) for point in OPERATING_POINTS), OPERATING_POINTS):
        yield number(100 * float(compute_froc_score(*curve, eval_thresholds=points)))
    yield number(100 * float(curve[1].max()))


def _figure(
    dataset: str,
    slug: str,
    tests: tuple[Test, ...],
    curves: Mapping[tuple[str, str], Curve],
    places: Mapping[str, int],
) -> Figure:
    def drawer(way: str) -> Callable[[Axes], None]:
        def draw(axis: Axes) -> None:
            for test in tests:
                rate, found = curves[test.model, way]
                style = {**look(places[test.model]), 'marker': ''}
                # Level from the last detection on, as the table has it.
                axis.plot(
                    np.append(rate[::-1], 8.5), 100 * np.append(found[::-1], found[0]), **style
                )
            axis.set_xlim(0, 8.5)
            axis.set_ylim(0, 100)
            axis.set_xlabel('false positives per image')
            axis.set_ylabel('sensitivity %')
            axis.set_title(f'criterion: {way}')

        return draw

    alt = '; '.join(f'{m}, {w}: {_in_words(c[1])}' for (m, w), c in curves.items())
    caption = ' '.join(('Lesions found against false positives.', *mark_notes(tests)))
    models = {test.model: places[test.model] for test in tests}
    drawers = [drawer(way) for way in CRITERIA]
    return panels(f'froc_{slug}', f'FROC of {dataset}', caption, alt, drawers, models)


def _in_words(found: np.ndarray) -> str:
    return 'no lesions' if np.isnan(found).any() else f'at most {100 * found.max():.1f} %'
