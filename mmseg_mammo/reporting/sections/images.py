"""Image section: the maximum probability as a detector of images with a lesion."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import roc_curve

from mmseg_mammo.evaluation.bootstrap import auroc, estimate, mean
from mmseg_mammo.evaluation.calibration import BINS, calibration_error, reliability
from mmseg_mammo.evaluation.operating_point import SENSITIVITY, threshold_for
from mmseg_mammo.io.run_folder import TEST_OUTPUT, Records
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import (
    cells,
    few_notes,
    has_lesion,
    mark_cells,
    mark_notes,
    number,
)
from mmseg_mammo.visualization.plots import GREY, Figure, model_style, panels

OTHER_OUTPUT = 'the validation had another temperature, breast_only or flips'


def image_section(runs: Runs) -> Section:
    """ROC, specificity at 95 % sensitivity, calibration, and a threshold from validation."""
    items: list[Table | Figure] = []
    warnings = []
    for dataset in runs.datasets:
        tests, slug = runs.on(dataset), runs.slug(dataset)
        items += [_detection_table(dataset, slug, tests), _threshold_table(dataset, slug, tests)]
        if drawn := tuple(test for test in tests if has_both(test.every_image)):
            items.append(_image_figure(dataset, slug, drawn, runs.places))
    for model in runs.models:
        test = next(test for test in runs.tests if test.model == model)
        if validation_threshold(test) is None:
            why = 'no validation records' if is_validated_alike(test) else OTHER_OUTPUT
            warnings.append(f'{model}: no threshold could be chosen: {why}')
        elif not is_last(test):
            warnings.append(
                f'{model}: the validation records are of the last epoch, the tested checkpoint '
                'is not; its threshold may be off'
            )
    text = (
        'The score of an image is the highest probability in it.',
        (
            f'A threshold must not be chosen on test images. It is the highest that finds '
            f'{SENSITIVITY} % of the validation images with a lesion.'
        ),
        (
            'Calibration: among images with a score of p, a share of p should have a lesion. The '
            'share of lesion images in a test set is rarely that of a clinic. Where all images have '
            'a lesion, or none has, there is no calibration and no curve.'
        ),
    )
    return Section('images', 'Image level', text, tuple(items), tuple(warnings))


def has_both(images: Records) -> bool:
    """Whether there are images with and without a lesion, as detection scores need."""
    return len(set(has_lesion(images).tolist())) == 2


def validation_threshold(test: Test) -> float | None:
    """The threshold from the validation images of the training.

    None without such images, and where the test gave probabilities in another way.
    """
    records = test.training.validation if test.training else None
    if records is None or not is_validated_alike(test) or not has_lesion(records).any():
        return None
    return threshold_for(records['max_probability'][has_lesion(records)])


def is_validated_alike(test: Test) -> bool:
    """Whether temperature, ``breast_only`` and flips of a test were those of the validation, too."""
    trained = (test.training.run.get(TEST_OUTPUT) or {}) if test.training else {}
    return all(
        test.test_output.get(name, usual) == trained.get(name, usual)
        for name, usual in (('temperature', 1), ('breast_only', False), ('flips', False))
    )


def is_last(test: Test) -> bool:
    """Whether the tested checkpoint is the last one, which the validation records are of."""
    if test.training is None:
        return False
    names = [
        str(run.get(name) or '')
        for run, name in ((test.run, 'checkpoint'), (test.training.run, 'last_checkpoint'))
    ]
    return names[0].rsplit('/', 1)[-1] == names[1].rsplit('/', 1)[-1]


def _detection_table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    rows = []
    for test in tests:
        lesion, scores = has_lesion(test.every_image), test.every_image['max_probability']
        area = auroc(lesion, scores, test.every_image.patients)
        best: Cell = None
        error: Cell = None
        if has_both(test.every_image):
            best = number(100 * np.mean(scores[~lesion] < threshold_for(scores[lesion])))
            error = number(calibration_error(lesion, scores), 3)
        rows.append(
            (
                *(test.model, len(lesion), int(lesion.sum()), int((~lesion).sum())),
                *(*cells(area, 3), best, error),
                mark_cells(test, int(lesion.sum()), int((~lesion).sum()), area),
            )
        )
    columns = (
        *('model', 'images', 'lesion images', 'normal images', 'AUROC', 'low', 'high'),
        *(f'specificity % at {SENSITIVITY} % sensitivity', 'calibration error', 'mark'),
    )
    notes = (
        (
            'AUROC from 0 to 1, 95 % interval over patients. The specificity is where the ROC curve '
            f'of these very images passes {SENSITIVITY} % sensitivity: a property of the curve, not '
            'what a user would get (see the next table).'
        ),
        (
            f'Expected calibration error: {BINS} bins of equal width, 0 is best; none without images '
            'of both kinds.'
        ),
        *mark_notes(tests),
    )
    title = f'Images with lesion on {dataset}'
    return Table(f'detection_{slug}', title, columns, tuple(rows), notes)


def _threshold_table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    rows = tuple(_threshold_row(test) for test in tests)
    columns = (
        *('model', 'validation images with lesion', 'threshold', 'lesion images'),
        *('sensitivity %', 'low', 'high', 'normal images', 'specificity %'),
        *('specificity low', 'specificity high', 'mark'),
    )
    notes = (
        (
            f'Threshold: the highest at which {SENSITIVITY} % of the validation images with a lesion '
            'are found, from the training that the checkpoint came from. 95 % intervals over patients.'
        ),
        *mark_notes(tests),
    )
    title = f'A threshold from validation, on {dataset}'
    return Table(f'threshold_{slug}', title, columns, rows, notes)


def _threshold_row(test: Test) -> tuple[Cell, ...]:
    images, threshold = test.every_image, validation_threshold(test)
    lesion = has_lesion(images)
    shares = [estimate(np.nan, np.empty(0))] * 2
    known = None
    if threshold is not None and test.training and test.training.validation:
        above = images['max_probability'] >= threshold
        shares = [
            mean(100.0 * right[chosen], images.patients[chosen])
            for chosen, right in ((lesion, above), (~lesion, ~above))
        ]
        known = int(has_lesion(test.training.validation).sum())
    return (
        *(test.model, known, None if threshold is None else number(threshold, 4)),
        *(int(lesion.sum()), *cells(shares[0]), int((~lesion).sum()), *cells(shares[1])),
        mark_cells(test, int(lesion.sum()), int((~lesion).sum()), known or 0, *shares),
    )


def _image_figure(
    dataset: str, slug: str, tests: tuple[Test, ...], places: Mapping[str, int]
) -> Figure:
    alt = '; '.join(f'{test.model}: AUROC {_auroc_value(test.every_image):.3f}' for test in tests)
    lesion = has_lesion(tests[0].every_image)
    start = (
        'Left: ROC. Right: reliability, the diagonal is perfect; areas of dots follow the number '
        'of images.'
    )
    few = few_notes({'lesion images': int(lesion.sum()), 'normal images': int((~lesion).sum())})
    caption = ' '.join((start, *few, *mark_notes(tests)))
    drawers = [_draw_roc(tests, places), _draw_reliability(tests, places)]
    models = {test.model: places[test.model] for test in tests}
    title = f'Image level on {dataset}'
    return panels(f'image_level_{slug}', title, caption, alt, drawers, models)


def _auroc_value(images: Records) -> float:
    return auroc(has_lesion(images), images['max_probability'], images.patients).value


def _draw_roc(tests: tuple[Test, ...], places: Mapping[str, int]) -> Callable[[Axes], None]:
    def draw(axis: Axes) -> None:
        axis.plot([0, 100], [0, 100], color=GREY, lw=0.8)
        for test in tests:
            false, true, _ = roc_curve(
                has_lesion(test.every_image), test.every_image['max_probability']
            )
            axis.plot(100 * false, 100 * true, **{**model_style(places[test.model]), 'marker': ''})
        axis.set_xlabel('100 % − specificity')
        axis.set_ylabel('sensitivity %')

    return draw


def _draw_reliability(tests: tuple[Test, ...], places: Mapping[str, int]) -> Callable[[Axes], None]:
    def draw(axis: Axes) -> None:
        axis.plot([0, 1], [0, 1], color=GREY, lw=0.8)
        for test in tests:
            expected, observed, sizes = reliability(
                has_lesion(test.every_image), test.every_image['max_probability']
            )
            style = model_style(places[test.model])
            axis.plot(expected, observed, **{**style, 'marker': ''}, lw=1)
            areas = 8 + 120 * sizes / sizes.sum()
            axis.scatter(expected, observed, areas, color=style['color'], marker=style['marker'])
        axis.set_xlabel('mean maximum probability')
        axis.set_ylabel('share of images with lesion')
        axis.set_xlim(-0.03, 1.03)
        axis.set_ylim(-0.03, 1.03)

    return draw
