"""Rounds of a simulation as tables and a picture: each method against stratified random."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.bootstrap import Estimate, estimate
from mmseg_mammo.evaluation.learning_curve.points import Scores as CurveScores
from mmseg_mammo.evaluation.learning_curve.points import point
from mmseg_mammo.io.files import read_json, write_atomic
from mmseg_mammo.io.table import write_table
from mmseg_mammo.studies.annotation.methods import METHODS
from mmseg_mammo.studies.annotation.simulate import SCORES, START
from mmseg_mammo.studies.holding import hold
from mmseg_mammo.visualization.plots import canvas, model_style, to_figure

CELLS, PER_IMAGE, SUMMARY = 'rounds.csv', 'rounds_per_image.csv', 'rounds_summary.csv'
PICTURE = 'rounds.png'
_BASELINE = METHODS[0]
_CELL_COLUMNS = ('method', 'seed', 'round', 'images', 'patients', 'lesions', 'lesion_dice')
_IMAGE_COLUMNS = ('method', 'seed', 'round', 'image', 'patient_id', 'annotated', 'dice')
_SUMMARY_COLUMNS = (
    *('method', 'round', 'seeds', 'images', 'lesions', 'lesion_dice', 'low', 'high'),
    *('against_random', 'against_random_low', 'against_random_high'),
)


def write_rounds(out: Path) -> list[dict[str, Any]]:
    """Write the tables and the picture of all rounds that are done, whichever process did them.

    Processes write them one after the other: the last one has all rounds.

    Args:
        out: Folder of the simulations.

    Returns:
        The lines of ``rounds_summary.csv``.
    """
    with hold(out, wait=True):
        return _write_all(out)


def _write_all(out: Path) -> list[dict[str, Any]]:
    files = [out / START / SCORES, *sorted(out.glob(f'*/seed_*/round_*/{SCORES}'))]
    cells = [read_json(path) for path in files if path.is_file()]
    cells.sort(
        key=lambda cell: (cell['method'] != START, cell['method'], cell['seed'], cell['round'])
    )
    write_table(out / CELLS, _CELL_COLUMNS, [_cell_line(cell) for cell in cells])
    lines = (
        {name: {**cell, **score}[name] for name in _IMAGE_COLUMNS}
        for cell in cells
        for score in cell['scores']
    )
    write_table(out / PER_IMAGE, _IMAGE_COLUMNS, lines)
    found = summarise_rounds(cells)
    rounded = [{k: _rounded(v) for k, v in line.items()} for line in found]
    write_table(out / SUMMARY, _SUMMARY_COLUMNS, rounded)
    if any(line['method'] != START for line in found):
        write_atomic(out / PICTURE, lambda stream: stream.write(draw_rounds(found)))
    return found


def summarise_rounds(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean lesion Dice of each method at each round, and its difference to stratified random.

    Intervals are from patients and seeds drawn with replacement (:func:`.rounds`). A difference is of the same test
    images and the same seeds; of a single seed the interval is of patients alone.

    Args:
        cells: Of ``scores.json``.

    Returns:
        A line for each method and round, Dice in percent.
    """
    groups: defaultdict[tuple[str, int], dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for cell in cells:
        groups[cell['method'], cell['round']][cell['seed']] = cell
    lines = []
    for (method, number), of in groups.items():
        found = _over_seeds([_lesions(cell) for cell in of.values()])
        line = {
            'method': method,
            'round': number,
            'seeds': len(of),
            'images': float(np.mean([cell['images'] for cell in of.values()])),
            'lesions': float(np.mean([cell['lesions'] for cell in of.values()])),
            'lesion_dice': found.value,
            'low': found.low,
            'high': found.high,
        }
        other = groups.get((_BASELINE, number), {})
        both = sorted(set(of) & set(other))
        if both and method != _BASELINE:
            pairs = [_minus(_lesions(of[seed]), _lesions(other[seed])) for seed in both]
            gain = _over_seeds(pairs)
            line['against_random'] = gain.value
            line['against_random_low'], line['against_random_high'] = gain.low, gain.high
        lines.append(line)
    return lines


def draw_rounds(lines: Sequence[Mapping[str, Any]]) -> bytes:
    """Lesion Dice over the number of annotated images, a line a method; the start is a level line.

    Args:
        lines: Of :func:`summarise_rounds`.

    Returns:
        A PNG file.
    """
    start = next((line for line in lines if line['method'] == START), None)
    methods = [name for name in METHODS if any(line['method'] == name for line in lines)]
    apart = 0.008 * max(line['images'] for line in lines)  # so that bars do not hide each other
    with canvas('rounds', (5.2, 3.8)) as figure:
        axes = figure.subplots()
        for place, method in enumerate(methods):
            own = [line for line in lines if line['method'] == method]
            own.sort(key=lambda line: line['round'])
            points = [*([start] if start else []), *own]
            shift = apart * (place - (len(methods) - 1) / 2)
            x = [line['images'] + shift * bool(line['round']) for line in points]
            y = np.array([line['lesion_dice'] for line in points])
            style = model_style(METHODS.index(method))
            name = f'{method} (stratified)' if method == _BASELINE else method
            axes.plot(x, y, label=name, markersize=5, **style)
            ends = np.array([[line['low'], line['high']] for line in own], float).reshape(-1, 2)
            wide = np.abs(ends.T - y[-len(own) :])
            axes.errorbar(x[-len(own) :], y[-len(own) :], wide, fmt='none', color=style['color'])
        if start:
            axes.axhline(start['lesion_dice'], label='start', color='#767676', linestyle=':')
        axes.set_xlabel('annotated images')
        axes.set_ylabel('lesion Dice on the test split, %')
        axes.legend()
        return to_figure(figure, 'rounds', '', '', '').png


Scores = dict[str, tuple[str, float]]


def _lesions(cell: Mapping[str, Any]) -> Scores:
    """Patient and Dice in percent of each test image with a lesion."""
    return {
        one['image']: (one['patient_id'], 100 * one['dice'])
        for one in cell['scores']
        if one['annotated'] == 'lesion'
    }


def _minus(one: Scores, other: Scores) -> Scores:
    return {
        image: (patient, value - other[image][1])
        for image, (patient, value) in one.items()
        if image in other
    }


def _over_seeds(found: Sequence[Scores]) -> Estimate:
    """Mean over images and seeds, with an interval from draws of patients and of seeds."""
    images = sorted(set.intersection(*map(set, found)))
    if not images:
        return estimate(float('nan'), np.empty(0))
    names, places = np.unique([found[0][image][0] for image in images], return_inverse=True)
    values = np.array([[scores[image][1] for image in images] for scores in found])
    sizes = np.bincount(places, minlength=len(names)).astype(float)
    sums = np.array([np.bincount(places, row, len(names)) for row in values])
    none = np.zeros(len(values))
    return point(CurveScores(none, none, names, sums / sizes, sizes)).score


def _cell_line(cell: Mapping[str, Any]) -> dict[str, Any]:
    values = [value for _, value in _lesions(cell).values()]
    line = {name: cell.get(name) for name in _CELL_COLUMNS}
    return {**line, 'lesion_dice': round(float(np.mean(values)), 4) if values else ''}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return '' if np.isnan(value) else round(value, 4)
    return value
