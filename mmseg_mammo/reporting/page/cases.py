"""Viewer cases: collected from the pictures that tests have saved."""

from collections.abc import Mapping
from pathlib import Path

from mmseg_mammo.io.run_folder import VIEWER, Records, picture_names
from mmseg_mammo.reporting.document import Case
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import number, size_names

FACTS = (
    *('view', 'laterality', 'finding', 'pathology', 'density', 'annotated'),
    *('mask_kind', 'source', 'split'),
)
Point = tuple[float, float, int]


def find_cases(runs: Runs) -> tuple[Case, ...]:
    """One case for each image with a picture, in the order of data sets and keys."""
    found = []
    for dataset in runs.datasets:
        tests = runs.on(dataset)
        pictures = {test.model: _files(test) for test in tests}
        rows = {test.model: _rows_by_key(test.every_image) for test in tests}
        sizes = {t.model: size_names(t.every_image) for t in tests}
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
