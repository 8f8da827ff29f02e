"""Absence section: what closing images costs and gains, and how well presence tells them apart."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import roc_curve

from mmseg_mammo.evaluation.bootstrap import Estimate, auroc, difference, mean
from mmseg_mammo.evaluation.image_level.presence import was_asked
from mmseg_mammo.evaluation.overlap import dice
from mmseg_mammo.io.checkpoint_record import PRESENCE
from mmseg_mammo.io.run_folder import UNGATED, Records
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import cells, few_notes, mark_cells, mark_notes
from mmseg_mammo.visualization.plots import GREY, Figure, model_style, panels

ALL = 'all sources'
_SCORES = ('lesion Dice %', 'Dice %', 'specificity %', 'sensitivity %')
_COLUMNS = (
    *('model', 'images', 'closed', 'lesion images', 'normal images'),
    *(name for score in _SCORES for name in (score, f'{score} low', f'{score} high')),
    'mark',
)
Scores = dict[str, Estimate]


def absence_section(runs: Runs) -> Section | None:
    """Tables with and without closing, and the AUROC of presence within each source.

    Returns:
        None if no model says whether there is a lesion at all.
    """
    items: list[Table | Figure] = []
    warnings: list[str] = []
    for dataset in runs.datasets:
        tests = tuple(test for test in runs.on(dataset) if 'presence' in test.every_image)
        if not tests:
            continue
        slug = runs.slug(dataset)
        items += [_gate_table(dataset, slug, tests), _source_table(dataset, slug, tests)]
        warnings += _one_label(dataset, tests)
        if drawn := tuple(test for test in tests if _has_both(asked(test.every_image))):
            items.append(_roc_figure(dataset, slug, drawn, runs.places))
    if not items:
        return None
    chosen = dict.fromkeys(line for test in runs.tests for line in _how_chosen(test))
    text = (
        (
            "Presence is a model's probability that an image has a lesion at all. An image whose "
            'presence is not above a threshold is closed: its mask is empty. All other sections are '
            'with closing.'
        ),
        *chosen,
        (
            'Where images with and without a lesion come from several hospitals, a model may tell '
            'the hospitals apart and score well: look at the AUROC within each source.'
        ),
    )
    return Section('absence', 'Absence', text, tuple(items), tuple(warnings))


def positive(images: Records) -> np.ndarray:
    """N bool: images with a lesion, as the index says, else by their true mask."""
    masks = images['truth_pixels'] > 0
    if 'annotated' not in images:  # older tests
        return masks
    said = images['annotated']
    return np.where(np.isin(said, ('lesion', 'normal')), said == 'lesion', masks)


def asked(images: Records) -> Records:
    """The images that the model was asked about; see :func:`.was_asked`."""
    return images.where(was_asked(images['presence_logit']))


def _has_both(images: Records) -> bool:
    return len(set(positive(images).tolist())) == 2


def _how_chosen(test: Test) -> Iterator[str]:
    """A sentence on the threshold of a test."""
    if 'presence' not in test.every_image:
        return
    limit, facts = test.test_output.get('presence_threshold'), test.run.get(PRESENCE)
    if limit is None:
        yield f'{test.model}: no threshold, so that no image is closed by its presence.'
    elif facts:
        yield (
            f'{test.model}: the threshold, {limit:.4g}, was chosen for {facts["target"]} on '
            f'{facts["lesion"]} images with a lesion and {facts["normal"]} normal ones of the '
            f'validation of its training; the checkpoint keeps it.'
        )
    else:
        yield (
            f'{test.model}: the threshold, {limit:.4g}, is of the config or of an operating point; '
            'its training did not choose it.'
        )


def _gate_table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    rows = [row for test in tests for row in _gate_rows(test)]
    notes = (
        (
            'Specificity: the share of normal images that are left empty. Sensitivity: the share of '
            'images with a lesion in which anything is marked, wherever it lies. Dice over all '
            'images, and over those with a lesion. 95 % intervals over patients; that of the '
            'difference is paired.'
        ),
        *mark_notes(tests),
    )
    title = f'With and without closing, on {dataset}'
    return Table(f'absence_{slug}', title, _COLUMNS, tuple(rows), notes)


def _gate_rows(test: Test) -> Iterator[tuple[Cell, ...]]:
    images, lesion = test.every_image, positive(test.every_image)
    closed = int((images['closed'] > 0).sum())
    sizes = (int(lesion.sum()), int((~lesion).sum()))
    without, with_gate = _gate_scores(images, 'ungated_'), _gate_scores(images)
    change = {name: difference(with_gate[name], without[name]) for name in _SCORES}
    for name, count, scores in (
        (f'{test.model}, nothing closed', 0, without),
        (test.model, closed, with_gate),
        (f'{test.model}, difference', None, change),
    ):
        shown = sum((cells(scores[score]) for score in _SCORES), ())
        mark = mark_cells(test, *sizes, *scores.values())
        yield (name, len(lesion), count, *sizes, *shown, mark)


def _gate_scores(images: Records, prefix: str = '') -> Scores:
    """Those of :data:`_SCORES`; ``prefix`` is that of the columns as if nothing were closed."""
    lesion, patients = positive(images), images.patients
    predicted, shared = (images[f'{prefix}{name}'] for name in UNGATED)
    overlap = 100 * dice(images['truth_pixels'], predicted, shared)
    known = np.isfinite(images['truth_pixels'])  # an image with a label alone has no mask
    outlined = known & (images['truth_pixels'] > 0)
    values = (
        (overlap, outlined),
        (overlap, known),
        (100.0 * (predicted == 0), ~lesion),
        (100.0 * (predicted > 0), lesion),
    )
    return {
        name: mean(value[chosen], patients[chosen])
        for name, (value, chosen) in zip(_SCORES, values, strict=True)
    }


def _by_source(images: Records) -> dict[str, np.ndarray]:
    """Which images each source has, N bool, after all of them."""
    names = sorted(set(images['source'].tolist()))
    own = {name or 'unknown': images['source'] == name for name in names}
    return {ALL: np.ones(len(images), bool), **(own if len(own) > 1 else {})}


def _one_label(dataset: str, tests: tuple[Test, ...]) -> Iterator[str]:
    images = tests[0].every_image
    for label, chosen in (('a lesion', positive(images)), ('no lesion', ~positive(images))):
        sources = set(images['source'].tolist())
        alone = sorted(s for s in sources if chosen[images['source'] == s].all())
        if alone and len(sources) > 1:
            yield (
                f'{dataset}: all images of {", ".join(alone)} have {label}: the AUROC over all '
                'sources may tell sources apart in the place of lesions.'
            )


def _source_table(dataset: str, slug: str, tests: tuple[Test, ...]) -> Table:
    rows = []
    for test in tests:
        images = asked(test.every_image)
        for source, chosen in _by_source(images).items():
            own = images.where(chosen)
            lesion = positive(own)
            area = auroc(lesion, own['presence_logit'], own.patients)
            pixels = auroc(lesion, own['ungated_max_probability'], own.patients)
            sizes = (int(lesion.sum()), int((~lesion).sum()))
            shown = (*cells(area, 3), *cells(pixels, 3))
            mark = mark_cells(test, *sizes, area, pixels)
            rows.append((test.model, source, *sizes, *shown, mark))
    columns = (
        *('model', 'source', 'lesion images', 'normal images', 'presence AUROC', 'low', 'high'),
        *('highest probability AUROC', 'its low', 'its high', 'mark'),
    )
    notes = [
        (
            'AUROC from 0 to 1, with 95 % intervals over patients; none where all images have a '
            'lesion, or none has. Beside it that of the highest probability of the mask, as if '
            'nothing were closed.'
        )
    ]
    if left := [
        f'{t.model} {n}' for t in tests if (n := len(t.every_image) - len(asked(t.every_image)))
    ]:
        notes.append(f'Images without a prompt are left out: {", ".join(left)}.')
    title = f'Presence of a lesion, within each source of {dataset}'
    return Table(f'presence_{slug}', title, columns, tuple(rows), (*notes, *mark_notes(tests)))


def _roc_figure(
    dataset: str, slug: str, tests: tuple[Test, ...], places: Mapping[str, int]
) -> Figure:
    found = {test.model: asked(test.every_image) for test in tests}
    areas = {
        model: auroc(positive(each), each['presence_logit'], each.patients).value
        for model, each in found.items()
    }
    alt = '; '.join(f'{model}: AUROC {area:.3f}' for model, area in areas.items())
    lesion = positive(found[tests[0].model])
    few = few_notes({'lesion images': int(lesion.sum()), 'normal images': int((~lesion).sum())})
    start = 'ROC of the presence of a lesion; a circle is where the threshold closes images.'
    caption = ' '.join((start, *few, *mark_notes(tests)))
    models = {test.model: places[test.model] for test in tests}
    title = f'Presence on {dataset}'
    return panels(f'presence_{slug}', title, caption, alt, [_draw_presence(found, places)], models)


def _draw_presence(
    found: Mapping[str, Records], places: Mapping[str, int]
) -> Callable[[Axes], None]:
    def draw(axis: Axes) -> None:
        axis.plot([0, 100], [0, 100], color=GREY, lw=0.8)
        for model, images in found.items():
            lesion, style = positive(images), model_style(places[model])
            false, true, _ = roc_curve(lesion, images['presence_logit'])
            axis.plot(100 * false, 100 * true, **{**style, 'marker': ''})
            if (images['closed'] > 0).any():
                opened = images['closed'] == 0
                point = (100 * opened[~lesion].mean(), 100 * opened[lesion].mean())
                axis.scatter(*point, 30, facecolors='none', edgecolors=style['color'])
        axis.set_xlabel('100 % − specificity')
        axis.set_ylabel('sensitivity %')

    return draw
