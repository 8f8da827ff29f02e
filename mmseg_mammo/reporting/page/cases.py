"""Viewer cases: collected from the pictures that tests have saved."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmseg_mammo.io.run_folder import VIEWER, Records, picture_names
from mmseg_mammo.reporting.document import Candidate, Case
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import number, size_names

FACTS = (
    *('view', 'laterality', 'finding', 'pathology', 'density', 'annotated'),
    *('mask_kind', 'source', 'split'),
)
# Columns of a candidate on a picture.
NUMBERS = ('x', 'y', 'left', 'top', 'right', 'bottom', 'score', 'finder_score', 'kept')
Point = tuple[float, float, int]


def find_cases(runs: Runs) -> tuple[Case, ...]:
    """One case for each image with a picture, in the order of data sets and keys."""
    found = []
    for dataset in runs.datasets:
        tests = runs.on(dataset)
        pictures = {test.model: _files(test) for test in tests}
        rows = {test.model: _rows_by_key(test.every_image) for test in tests}
        sizes = {t.model: size_names(t.every_image) for t in tests}
        candidates = {t.model: candidates_by_key(t) for t in tests if t.candidates is not None}
        for key in sorted(set().union(*rows.values())):
            seen = [
                t
                for t in tests
                if key in rows[t.model] and picture_names(key)[0] in pictures[t.model]
            ]
            if seen:
                found.append(
                    _make_case(
                        key,
                        dataset,
                        seen,
                        pictures,
                        rows,
                        str(sizes[seen[0].model][rows[seen[0].model][key]]),
                        candidates,
                    )
                )
    return tuple(found)


def _files(test: Test) -> set[str]:
    folder = test.folder / VIEWER
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _rows_by_key(images: Records) -> dict[str, int]:
    return {key: row for row, key in enumerate(images['key'].tolist())}


def _make_case(
    key: str,
    dataset: str,
    tests: list[Test],
    pictures: Mapping[str, set[str]],
    rows: Mapping[str, Mapping[str, int]],
    size: str,
    candidates: Mapping[str, Mapping[str, list[Candidate]]],
) -> Case:
    def file(test: Test, name: str) -> Path | None:
        return test.folder / VIEWER / name if name in pictures[test.model] else None

    first = tests[0]
    image, truth, predicted = picture_names(key)
    row = rows[first.model][key]
    return Case(
        key=key,
        dataset=dataset,
        facts={**{f: str(first.every_image[f][row]) for f in FACTS}, 'size': size},
        image=first.folder / VIEWER / image,
        truth=file(first, truth),
        predictions={t.model: file(t, predicted) for t in tests},
        scores={t.model: _scores(t.every_image, rows[t.model][key]) for t in tests},
        points={t.model: prompt_points(t, rows[t.model][key]) for t in tests},
        candidates={
            t.model: tuple(candidates[t.model].get(key, ())) for t in tests if t.model in candidates
        },
    )


def _scores(images: Records, row: int) -> dict[str, float | None]:
    found = {}
    for name in ('dice', 'iou', 'max_probability'):
        value = number(images[name][row], 4)
        found[name] = value if isinstance(value, float) else None
    return found


def prompt_points(test: Test, row: int) -> tuple[Point, ...]:
    """Prompt points of an image, x and y from 0 to 1 of its width and height.

    None for a test on another grid than that of the images: their size is not on record then.
    """
    if 'prompt_points' not in test.every_image or test.eval_size:
        return ()
    height, width = (float(test.every_image[name][row]) for name in ('height', 'width'))
    points = (text.split(':') for text in str(test.every_image['prompt_points'][row]).split())
    return tuple(
        ((float(x) + 0.5) / width, (float(y) + 0.5) / height, int(label))  # of pixel centres
        for x, y, label in points
    )


def candidates_by_key(test: Test) -> dict[str, list[Candidate]]:
    """The candidates of each image of a test of two stages, best first.

    None for a test on another grid than that of the images: their size is not on record then.
    """
    if test.candidates is None or test.eval_size:
        return {}
    rows = _rows_by_key(test.every_image)
    known, found = test.candidates, defaultdict(list)
    for line, key in enumerate(known['key'].tolist()):
        height, width = (float(test.every_image[name][rows[key]]) for name in ('height', 'width'))
        outlined = not np.isnan(test.every_image['truth_pixels'][rows[key]])
        numbers = {name: float(known[name][line]) for name in NUMBERS}
        one = make_candidate(numbers, height, width)
        found[key].append(replace(one, found=bool(known['holds'][line]) if outlined else None))
    return dict(found)


def make_candidate(row: Mapping[str, float], height: float, width: float) -> Candidate:
    """The candidate of a line of a table, on a picture of an image of this size in pixels."""
    edges = zip(('left', 'top', 'right', 'bottom'), (width, height) * 2, strict=True)
    left, top, right, bottom = (round(row[name] / side, 5) for name, side in edges)
    return Candidate(
        x=round((row['x'] + 0.5) / width, 5),  # of pixel centres
        y=round((row['y'] + 0.5) / height, 5),
        crop=(left, top, right, bottom),
        score=round(row['score'], 4),
        finder_score=round(row['finder_score'], 4),
        kept=bool(row['kept']),
    )
