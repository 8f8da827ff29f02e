"""Curves from the tables of a study: for each tuning its points, and the start that they share."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_mammo.evaluation.learning_curve.points import Point, Scores, point
from mmseg_mammo.io.tables.learning_curve import START, CurveTables, count_order

_Lines = list[Mapping[str, str]]


@dataclass(frozen=True)
class Curves:
    """What a study found.

    Attributes:
        unit: Of the counts: ``images`` or ``patients``.
        points: By config, then by count as it was asked for, in the order of counts.
        start: The checkpoint that all started from, at no image; None if it was not tested.
        incomplete: Trainings that do not count: of a seed without all its test folds, or of other
            test patients than most.
    """

    unit: str
    points: Mapping[str, Mapping[str, Point]]
    start: Point | None
    incomplete: int

    def of(self, config: str) -> list[Point]:
        """The points of a config, by their number of images."""
        return sorted(self.points[config].values(), key=lambda each: each.images)


def curves_of(tables: CurveTables) -> Curves:
    """Points of each config and count; lines of one training's folds are put together."""
    cells: defaultdict[tuple[str, str], dict[str, _Lines]] = defaultdict(dict)
    for cell in tables.cells:
        key = cell['config'], cell['count']
        cells[key].setdefault(cell['seed'], []).append(cell)
    tested: defaultdict[tuple[str, str, str], _Lines] = defaultdict(list)
    for line in tables.patients:
        if float(line['lesion_images']):
            tested[line['config'], line['count'], line['seed']].append(line)
    names = np.array(sorted({line['patient'] for lines in tested.values() for line in lines}), str)
    points: defaultdict[str, dict[str, Point]] = defaultdict(dict)
    start, incomplete = None, 0
    for (config, count), seeds in sorted(cells.items(), key=lambda item: count_order(item[0][1])):
        complete = {
            seed: lines
            for seed, lines in sorted(seeds.items())
            if {each['patient'] for each in tested[config, count, seed]} == {*names.tolist()}
        }
        incomplete += sum(len(lines) for seed, lines in seeds.items() if seed not in complete)
        if not complete or not len(names):
            continue
        patients = [tested[config, count, seed] for seed in complete]
        found = point(_scores_of(names, [*complete.values()], patients))
        if config == START:
            start = found
        else:
            points[config][count] = found
    return Curves(tables.unit, dict(points), start, incomplete)


def _scores_of(names: np.ndarray, cells: Sequence[_Lines], tested: Sequence[_Lines]) -> Scores:
    """Of one config and count: counts of each seed's cells, and the lines of its test patients."""
    places = {name: place for place, name in enumerate(names.tolist())}
    dice, weights = np.zeros((len(tested), len(names))), np.zeros(len(names))
    for row, lines in enumerate(tested):
        for line in lines:
            dice[row, places[line['patient']]] = float(line['lesion_dice'])
            weights[places[line['patient']]] = float(line['lesion_images'])
    images, patients = (
        np.array([np.mean([float(each[name]) for each in lines]) for lines in cells])
        for name in ('images', 'patients')
    )
    return Scores(images, patients, names, dice, weights)
