"""``prompts.csv``: reads points and boxes that a reader, or another model, has set."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.table import read_table

POINT = ('x', 'y', 'label')
BOX = ('x1', 'y1', 'x2', 'y2')


def read_prompts(path: Path) -> dict[str, dict[str, Any]]:
    """Read a table of prompts: one row per point, or per box.

    Columns are ``image`` and ``object``, and ``x, y, label`` of a point (1 lesion, 0 background)
    or ``x1, y1, x2, y2`` of a box, or both groups of which each row fills one. Coordinates are
    pixels of the prepared image; the centre of the upper left one is (0, 0).

    Returns:
        For each image ``points`` (O×N×2 nested lists), ``labels`` (O×N; objects with fewer points
        are filled up with -1), and ``boxes`` (O×4, or None).

    Raises:
        DataIndexError: A column is missing, or it is not a CSV file.
        DataFileError: A row is neither a point nor a box; a box has x1 > x2 or y1 > y2; an
            object has two boxes; or only some objects of an image have one.
    """
    images: defaultdict[str, defaultdict[str, dict[str, list]]] = defaultdict(
        lambda: defaultdict(lambda: {'points': [], 'labels': [], 'boxes': []})
    )
    for number, row in enumerate(read_table(path, ('image', 'object')), start=2):
        found = images[row['image']][row['object']]
        point, box = ([row.get(name, '') for name in names] for names in (POINT, BOX))
        try:
            if all(box) and not any(point) and not found['boxes']:
                found['boxes'].append([float(value) for value in box])
            elif all(point) and not any(box) and point[2] in ('0', '1'):
                found['points'].append([float(point[0]), float(point[1])])
                found['labels'].append(int(point[2]))
            else:
                raise ValueError
        except ValueError:
            raise DataFileError(
                f'{path}, row {number}: neither a point nor the only box of its object',
                f'numbers in {", ".join(POINT)} (label 1 or 0), or in {", ".join(BOX)}',
            ) from None
        if all(box):
            _check_order(found['boxes'][0], f'{path}, row {number}')
    return {
        image: _join_objects(image, list(found.values()), path) for image, found in images.items()
    }


def _check_order(box: list[float], place: str) -> None:
    x1, y1, x2, y2 = box
    if x1 > x2 or y1 > y2:
        raise DataFileError(
            f'{place}: a box from x1={x1:g}, y1={y1:g} to x2={x2:g}, y2={y2:g}',
            'x1 <= x2 and y1 <= y2',
            'The first corner is the upper left one',
        )


def _join_objects(image: str, objects: list[dict[str, list]], path: Path) -> dict[str, Any]:
    boxes = [box for one in objects for box in one['boxes']]
    if boxes and len(boxes) < len(objects):
        raise DataFileError(
            f'{path}: {len(boxes)} of {len(objects)} objects of {image} have a box',
            'a box for every object of an image, or for none',
        )
    most = max(len(one['labels']) for one in objects)
    gaps = [most - len(one['labels']) for one in objects]
    return {
        'points': [
            one['points'] + [[0.0, 0.0]] * gap for one, gap in zip(objects, gaps, strict=True)
        ],
        'labels': [one['labels'] + [-1] * gap for one, gap in zip(objects, gaps, strict=True)],
        'boxes': boxes or None,
    }
