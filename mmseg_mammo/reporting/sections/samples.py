"""Sample section (Figure 6 of the thesis): seeded images with true and predicted masks."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import cv2
import numpy as np

from mmseg_mammo.io.image import read_raster
from mmseg_mammo.reporting.document import Case, Section
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import NO_MASK, mark_notes
from mmseg_mammo.visualization.overlay import PREDICTION_COLOUR, TRUTH_COLOUR, mark_mask
from mmseg_mammo.visualization.plots import Figure, canvas, to_figure

ROWS = 6
CELL, GAP = 200, 6  # pixels
TRUTH, PREDICTION = TRUTH_COLOUR[::-1], PREDICTION_COLOUR[::-1]  # RGB


def sample_section(runs: Runs, cases: Sequence[Case], seed: int = 0) -> Section | None:
    """A figure for each data set with pictures; None without any."""
    figures = []
    for number, dataset in enumerate(runs.datasets):
        shown = choose_samples([case for case in cases if case.dataset == dataset], seed)
        if shown:
            letter = chr(ord('a') + number % 26)
            figures.append(
                _sample_figure(f'figure6_{runs.slug(dataset)}', letter, dataset, shown, runs)
            )
    if not figures:
        return None
    text = ('Samples drawn with a fixed seed, not chosen by how well the models did.',)
    return Section('samples', 'Samples (Figure 6)', text, tuple(figures))


def choose_samples(cases: Sequence[Case], seed: int) -> list[Case]:
    """Up to six cases, normal ones in proportion, at least one if there is any; all have a truth."""
    cases = [case for case in cases if case.facts.get('size') != NO_MASK]
    lesion = [case for case in cases if case.truth is not None]
    normal = [case for case in cases if case.truth is None]
    rows = min(ROWS, len(cases))
    share = rows * len(normal) / len(cases) if cases else 0
    few = min(len(normal), max(round(share), 1), rows if not lesion else rows - 1)
    generator = np.random.default_rng(seed)
    return [
        group[index]
        for group, count in ((lesion, rows - few), (normal, few))
        for index in sorted(generator.choice(len(group), min(count, len(group)), replace=False))
    ]


def _sample_figure(
    name: str, letter: str, dataset: str, cases: Sequence[Case], runs: Runs
) -> Figure:
    models = [test.model for test in runs.on(dataset)]
    titles = [fill(text, 20, break_on_hyphens=False) for text in ('image', 'truth', *models)]
    above = 0.15 * (2 + max(text.count('\n') for text in titles))  # inches
    title = f'{letter}) Samples of {dataset}'
    caption = ' '.join(
        (
            'Truth in green, predictions in orange, prompt points in red.',
            *mark_notes(runs.on(dataset)),
        )
    )
    alt = '; '.join(
        f'{case.key}: ' + ', '.join(f'{m} Dice {s["dice"]}' for m, s in case.scores.items())
        for case in cases
    )
    mosaic, points = _mosaic(cases, models)
    height, width = mosaic.shape[:2]
    wide = 1.4 * len(titles)
    with canvas(name, (wide, wide * height / width + above)) as drawn:
        axis = drawn.subplots()
        axis.imshow(mosaic)  # one picture: an axis for each cell would take half a minute
        axis.plot(*np.reshape(points, (-1, 2)).T, 'o', color='red', ms=3)
        axis.set_xticks((np.arange(len(titles)) + 0.5) * CELL - 0.5, titles, fontsize=8)
        axis.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
        axis.grid(False)
        return to_figure(drawn, name, title, caption, alt)


def _mosaic(
    cases: Sequence[Case], models: Sequence[str]
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """The picture of all cells, R·CELL × C·CELL × 3 uint8, and (x, y) of the points in it."""
    mosaic = np.full((len(cases) * CELL, (2 + len(models)) * CELL, 3), 255, np.uint8)
    points = []
    for row, case in enumerate(cases):
        image = read_raster(case.image)
        plain = np.repeat(image[..., None], 3, axis=2)
        cells = [plain, marked_picture(plain, case.truth, TRUTH)]
        for model in models:
            tested = model in case.predictions
            mask = case.predictions.get(model)
            cells.append(
                marked_picture(plain, mask, PREDICTION) if tested else np.full_like(plain, 255)
            )
        scale = (CELL - GAP) / max(image.shape)
        width, height = (max(1, round(scale * side)) for side in image.shape[::-1])
        for column, cell in enumerate(cells):
            left = column * CELL + (CELL - width) // 2
            top = row * CELL + (CELL - height) // 2
            small = cv2.resize(cell, (width, height), interpolation=cv2.INTER_AREA)
            mosaic[top : top + height, left : left + width] = small
            for x, y, label in case.points.get(models[column - 2], ()) if column > 1 else ():
                if label >= 0:
                    points.append((left + x * width - 0.5, top + y * height - 0.5))
    return mosaic, points


def marked_picture(
    plain: np.ndarray, mask: Path | None, colour: tuple[int, int, int]
) -> np.ndarray:
    """An H×W×3 uint8 picture with a mask file drawn into it; None marks nothing."""
    if mask is None:
        return plain
    found = read_raster(mask) > 0
    return mark_mask(plain, found, colour, max(1, max(found.shape) // 150))
