"""Stratum section: scores by lesion size, kind of mask, finding, pathology, density, view and so on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from mmseg_mammo.evaluation.bootstrap import Estimate, mean
from mmseg_mammo.evaluation.overlap import iou
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import (
    FEW,
    SIZE_NAMES,
    cells,
    counts,
    few_notes,
    has_lesion,
    mark_cells,
    mark_notes,
    size_names,
)
from mmseg_mammo.reporting.sections.results import lesion_dice
from mmseg_mammo.visualization.plots import Figure, describe_means, dot, panels

FACTORS = (
    *('lesion size', 'mask kind', 'finding', 'pathology', 'density', 'view', 'laterality'),
    'hospital',
)
_COLUMN = {'mask kind': 'mask_kind', 'hospital': 'source'}  # others are called like the factor
_OF_LESIONS = ('finding', 'pathology')
_COLUMNS = (
    *(
        'model',
        'lesion images',
        'patients',
        'Dice %',
        'low',
        'high',
        'IoU %',
        'IoU low',
        'IoU high',
    ),
    *('normal images', 'left empty %', 'empty low', 'empty high', 'mark'),
)


def stratum_section(runs: Runs) -> Section:
    """A table for each data set and factor, a figure for each data set."""
    items: list[Table | Figure] = []
    warnings, single = [], []
    for dataset in runs.datasets:
        tests = runs.on(dataset)
        used = [name for name in FACTORS if _divides(tests[0].images, name)]
        for name in used:
            items.append(_stratum_table(dataset, runs.slug(dataset), tests, name))
            for kind, sizes in (('lesion', lesion_images), ('normal', normal_images)):
                if few := few_notes(sizes(tests, name)):
                    warnings.append(f'{dataset}, {kind} images. {few[0]}')
        if used and has_lesion(tests[0].images).any():
            items.append(_stratum_figure(dataset, runs.slug(dataset), tests, used, runs.places))
        rest = [name for name in FACTORS if name not in used]
        if rest:
            single.append(f'{dataset}: {", ".join(rest)}.')
    text = [
        (
            'Dice and IoU over images with a lesion, left empty over normal images. Lesion size is '
            'the share of the image area that is marked.'
        ),
    ]
    if single:
        text.append(f'All images have the same value, or none is known: {" ".join(single)}')
    return Section('strata', 'Strata', tuple(text), tuple(items), tuple(warnings))


def levels(images: Records, factor: str) -> dict[str, np.ndarray]:
    """The values of a factor and which of N images have each, N bool."""
    if factor == 'lesion size':
        values = size_names(images)
        order = [*SIZE_NAMES, 'no lesion']
    else:
        values = images[_COLUMN.get(factor, factor)]
        gaps = np.full(len(values), 'unknown')
        if factor in _OF_LESIONS:
            gaps = np.where(has_lesion(images), gaps, 'no lesion')
        values = np.where(values == '', gaps, values)
        if factor == 'mask kind':  # the index names one of images without a mask, too
            values = np.where(has_lesion(images), values, 'no lesion')
        order = sorted(set(values.tolist()), key=lambda v: (v in ('unknown', 'no lesion'), v))
    return {level: values == level for level in order if (values == level).any()}


def _divides(images: Records, factor: str) -> bool:
    """Whether a factor has several levels; of kinds of mask, among images with a lesion."""
    found = set(levels(images, factor))
    return len(found - {'no lesion'} if factor == 'mask kind' else found) > 1


def lesion_images(tests: Sequence[Test], factor: str) -> dict[str, int]:
    """Number of images with a lesion in each level, by "factor level"; the fewest of any test."""
    return _level_sizes(tests, factor, has_lesion)


def normal_images(tests: Sequence[Test], factor: str) -> dict[str, int]:
    """Number of images without a lesion in each level, as :func:`lesion_images`."""
    return _level_sizes(tests, factor, lambda images: ~has_lesion(images))


def _level_sizes(
    tests: Sequence[Test], factor: str, group: Callable[[Records], np.ndarray]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for test in tests:
        for level, chosen in levels(test.images, factor).items():
            size, name = int((chosen & group(test.images)).sum()), f'{factor} {level}'
            found[name] = min(size, found.get(name, size))
    return found


def _stratum_table(dataset: str, slug: str, tests: tuple[Test, ...], factor: str) -> Table:
    every = list(dict.fromkeys(level for t in tests for level in levels(t.images, factor)))
    rows = [_stratum_row(level, test, factor) for level in every for test in tests]
    notes = (
        (
            f'Rows with {FEW} say so. 95 % intervals over the patients of the row, none below five or '
            'if all are alike.'
        ),
        *mark_notes(tests),
    )
    name = f'strata_{slug}_{factor.replace(" ", "_")}'
    title = f'{dataset} by {factor}'
    return Table(name, title, (factor, *_COLUMNS), tuple(rows), notes)


def _stratum_row(level: str, test: Test, factor: str) -> tuple[Cell, ...]:
    images = _images_of(test, factor, level)
    lesion = has_lesion(images)
    empty = _empty_share(images)
    overlap = mean(100 * iou(*counts(images))[lesion], images.patients[lesion])
    sizes, of_dice = (int(lesion.sum()), int((~lesion).sum())), lesion_dice(images)
    return (
        *(level, test.model, sizes[0], len(set(images.patients[lesion]))),
        *(*cells(of_dice), *cells(overlap), sizes[1], *cells(empty)),
        mark_cells(_narrowed(test, images), *sizes, of_dice, overlap, empty),
    )


def _images_of(test: Test, factor: str, level: str) -> Records:
    """The images of a level; none if the test has no such level."""
    nobody = np.zeros(len(test.images), bool)
    return test.images.where(levels(test.images, factor).get(level, nobody))


def _narrowed(test: Test, images: Records) -> Test:
    """The test of some of its images, for their marks: contours are not weak beside weak masks."""
    return replace(test, images=images) if len(images) else test


def _empty_share(images: Records) -> Estimate:
    normal = ~has_lesion(images)
    return mean(100.0 * (images['predicted_pixels'] == 0)[normal], images.patients[normal])


def _stratum_figure(
    dataset: str, slug: str, tests: tuple[Test, ...], used: list[str], places: Mapping[str, int]
) -> Figure:
    found = {
        factor: {
            level: [lesion_dice(_images_of(test, factor, level)) for test in tests]
            for level, chosen in levels(tests[0].images, factor).items()
            if (has_lesion(tests[0].images) & chosen).any()
        }
        for factor in used
    }
    models = {test.model: places[test.model] for test in tests}
    drawers = [
        _stratum_drawer(factor, by_level, list(models.values()))
        for factor, by_level in found.items()
    ]
    alt = '; '.join(
        f'{level}: {describe_means(dict(zip(models, each, strict=True)))}'
        for by_level in found.values()
        for level, each in by_level.items()
    )
    tallest = max(map(len, found.values()))
    sizes = {name: n for factor in used for name, n in lesion_images(tests, factor).items()}
    start = 'Dice % over images with a lesion, 95 % intervals.'
    every = (e for by_level in found.values() for each in by_level.values() for e in each)
    narrow = next((e for e in every if e.is_narrow), 0)
    few = few_notes({**sizes, 'some of these': narrow})
    caption = ' '.join((start, *few, *mark_notes(tests)))
    size = (4.0, 0.8 + tallest * (0.16 + 0.09 * len(tests)))
    title = f'Strata of {dataset}'
    return panels(f'strata_{slug}', title, caption, alt, drawers, models, size)


def _stratum_drawer(
    factor: str, found: Mapping[str, list[Estimate]], places: list[int]
) -> Callable[[Axes], None]:
    def draw(axis: Axes) -> None:
        for row, estimates in enumerate(found.values()):
            for place, (estimate, index) in enumerate(zip(estimates, places, strict=True)):
                shift = 0.8 * ((place + 0.5) / len(estimates) - 0.5)
                dot(axis, estimate, row + shift, index)
        axis.set_yticks(range(len(found)), list(found))
        axis.set_ylim(len(found) - 0.5, -0.5)
        axis.set_xlim(0, 100)
        axis.set_title(factor)

    return draw
