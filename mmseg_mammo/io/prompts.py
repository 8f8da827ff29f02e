"""``prompts.csv``: reads points and boxes that a reader, or another model, has set."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.table import read_records

POINT = ('x', 'y', 'label')
BOX = ('x1', 'y1', 'x2', 'y2')
_LABELS = (1, 0)


def read_prompts(path: Path) -> dict[str, dict[str, Any]]:
    r"""Read a table of prompts: one row per point, or per box.

    Columns are ``image`` and ``object``, and ``x, y, label`` of a point (1 lesion, 0 background)
    or ``x1, y1, x2, y2`` of a box, or both groups of which each row fills one. Coordinates are
    pixels of some grid of the image; the centre of the upper left one is (0, 0).

    Returns:
        For each image ``points`` (O×N×2 nested lists), ``labels`` (O×N; objects with fewer points
        are filled up with -1), and ``boxes`` (O×4, or None). Images are named as the table does,
        with ``/`` for ``\``.

    Raises:
        DataIndexError: A column is missing, or it is not a CSV file.
        DataFileError: There is no row; a row is neither a point nor a box, or holds something
            else than numbers; a box has x1 > x2 or y1 > y2; an object has two boxes; or only some
            objects of an image have one.
    """
    images: defaultdict[str, defaultdict[str, dict[str, list]]] = defaultdict(
        lambda: defaultdict(lambda: {'points': [], 'labels': [], 'boxes': []})
    )
    records = read_records(path, ('image', 'object'))
    if not records:
        raise DataFileError(f'{path}: no rows', 'a row for each point, or box')
    _check_columns(path, records[0].cells)
    for record in records:
        place, cells = f'{path}, row {record.number}', record.cells
        if not cells['image']:
            raise DataFileError(f'{place}: column image is empty', 'the name of an image')
        _add_row(images[cells['image'].replace('\\', '/')][cells['object']], cells, place)
    return {
        image: _join_objects(image, list(found.values()), path) for image, found in images.items()
    }


def scale_prompts(prompts: dict[str, Any], sx: float, sy: float) -> dict[str, Any]:
    """The same places on another grid of the same picture, whose outer edges coincide.

    Args:
        prompts: Of an image, of :func:`read_prompts`.
        sx: Width of the new grid over that of the old one.
        sy: The same for the height.

    >>> scale_prompts({'points': [[[0.0, 3.0]]], 'labels': [[1]], 'boxes': None}, 2, 0.5)
    {'points': [[[0.5, 1.25]]], 'labels': [[1]], 'boxes': None}
    """

    def place(values: Sequence[float]) -> list[float]:
        factors = (sx, sy) * (len(values) // 2)
        return [(value + 0.5) * f - 0.5 for value, f in zip(values, factors, strict=True)]

    boxes = prompts['boxes']
    return {
        'points': [[place(point) for point in points] for points in prompts['points']],
        'labels': prompts['labels'],
        'boxes': None if boxes is None else [place(box) for box in boxes],
    }


def _check_columns(path: Path, cells: dict[str, str]) -> None:
    if not any(set(group) <= set(cells) for group in (POINT, BOX)):
        raise DataIndexError(
            f'{path}: neither all columns of points nor all of boxes; it has '
            f'{", ".join(filter(None, cells))}',
            f'{", ".join(POINT)} of points, or {", ".join(BOX)} of boxes, or both groups',
            'Add the columns',
        )


def _add_row(found: dict[str, list], cells: dict[str, str], place: str) -> None:
    """Add the point or the box of a row to its object."""
    point, box = ({name: cells.get(name, '') for name in names} for names in (POINT, BOX))
    if any(point.values()) == any(box.values()):
        raise DataFileError(
            f'{place}: {"both a point and a box" if any(box.values()) else "neither a point nor a box"}',
            f'numbers in {", ".join(POINT)}, or in {", ".join(BOX)}',
            'Give each its own row; the same object may have both',
        )
    if any(point.values()):
        x, y, label = _numbers_in(point, place)
        if label not in _LABELS:
            raise DataFileError(
                f'{place}: label {point["label"]!r}', '1 on the lesion, 0 beside it'
            )
        found['points'].append([x, y])
        found['labels'].append(int(label))
        return
    values = _numbers_in(box, place)
    if found['boxes']:
        raise DataFileError(
            f'{place}: object {cells["object"]!r} of {cells["image"]} has a box already',
            'one box for each object of an image',
            'Delete the row, or write another name into column object',
        )
    _check_order(values, place)
    found['boxes'].append(values)


def _numbers_in(cells: dict[str, str], place: str) -> list[float]:
    """The numbers of a point or a box."""
    found = []
    for name, cell in cells.items():
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataFileError(
                f'{place}: {name} {cell!r}', f'numbers in {", ".join(cells)}', 'Correct the cell'
            )
        found.append(value)
    return found


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
