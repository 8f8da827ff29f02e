"""COCO files: reads the polygons, masks and boxes of each image from one JSON file."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.shapes.drawing import (
    Box,
    Drawing,
    Polygon,
    Runs,
    fault_of_box,
    fault_of_polygon,
)

_LISTS = ('images', 'annotations')
_FARTHEST = 10**9  # pixels; beyond, JSON has numbers that are none


def read_coco(path: Path, categories: Collection[str] = ()) -> dict[str, Drawing | None]:
    """Read a COCO file of instances.

    An annotation is its ``segmentation``: polygons, whose union it is, or runs, as numbers or as
    the text of pycocotools. Without one it is its ``bbox`` (x, y, width, height), which is weak.

    Args:
        path: The JSON file.
        categories: Names of those that are lesions; others are left out. Empty takes the only one
            that is used.

    Returns:
        ``file_name`` of each image -> what was drawn on it, or None. An annotation that cannot be
        used is the ``fault`` of its drawing.

    Raises:
        DataFileError: It is no COCO file, names an image twice, annotates one that it does not
            list, uses several categories without ``categories``, or lacks one of them or one that
            it uses.
    """
    data = _load(path)
    images, found = _images(path, data['images']), defaultdict(list)
    chosen = _choose(path, data, categories)
    for number, annotation in enumerate(data['annotations']):
        image = annotation.get('image_id')
        if image not in images:
            raise DataFileError(
                f'{path}: annotation {annotation.get("id", number)} lies on image {image!r}, which '
                'is not in its list of images',
                remedy='Export the file again',
            )
        if annotation.get('category_id') in chosen:
            found[image].append(annotation)
    return {
        image['file_name']: _drawing(path, image, found[key], chosen) if found[key] else None
        for key, image in images.items()
    }


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding='utf-8-sig'))
    except OSError as error:
        raise DataFileError(f'{path}: {error.strerror}', remedy='Check the path') from error
    except ValueError as error:
        raise DataFileError(f'{path}: no JSON file ({error})', 'a COCO file of instances') from None
    data = {'categories': [], **data} if isinstance(data, dict) else {}
    data['categories'] = data['categories'] or []
    lists: list[Any] = [data.get(name) for name in (*_LISTS, 'categories')]
    if not all(isinstance(one, list) and all(isinstance(i, dict) for i in one) for one in lists):
        raise DataFileError(
            f'{path}: not a COCO file of instances',
            'a JSON file with the lists images, annotations and categories',
        )
    for one in chain.from_iterable(lists):
        for key in ('id', 'image_id', 'category_id'):
            if not isinstance(one.get(key), int | float | str | None):
                raise DataFileError(f'{path}: {key} is {one[key]!r}', 'a number or a text')
    return data


def _images(path: Path, listed: Sequence[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    for number, image in enumerate(listed):
        if not (isinstance(image.get('file_name'), str) and image['file_name'] and 'id' in image):
            raise DataFileError(f'{path}: image {number} of its list has no id or no file_name')
    for name in ('file_name', 'id'):
        counts = Counter(image[name] for image in listed)
        if twice := [value for value, count in counts.items() if count > 1]:
            raise DataFileError(
                f'{path}: {counts[twice[0]]} images with {name} {twice[0]!r}',
                f'a {name} of its own for each image',
                'Write the folder into file_name, or join the annotations of one image',
            )
    return {image['id']: image for image in listed}


def _choose(path: Path, data: Mapping[str, Any], wanted: Collection[str]) -> dict[Any, str]:
    """Ids of the categories that are lesions, with their names."""
    names = {one.get('id'): str(one.get('name') or '') for one in data['categories']}
    used = {one.get('category_id'): 0 for one in data['annotations']}
    told = ', '.join(sorted(names.get(key) or f'id {key}' for key in used))
    chosen = {key: name for key, name in names.items() if name in wanted}
    if missing := set(wanted) - set(chosen.values()):
        raise DataFileError(
            f'{path}: no category {", ".join(sorted(missing))}', ', '.join(sorted(names.values()))
        )
    if wanted and (unlisted := used.keys() - names.keys()):
        raise DataFileError(
            f'{path}: annotations of category {min(map(str, unlisted))}, which is not in its list',
            remedy='Export the file again',
        )
    if not wanted and len(used) > 1:
        raise DataFileError(
            f'{path}: annotations of {len(used)} categories ({told}), not all of which may be lesions',
            'one category, or the names of those that are lesions',
            f'Say which are: --lesion-categories {told.split(", ")[0]} …',
        )
    return chosen if wanted else {key: names.get(key, '') for key in used}


def _drawing(
    path: Path,
    image: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    names: Mapping[Any, str],
) -> Drawing:
    place = f'{path.name}: {image["file_name"]}'
    boxes: list[Box] = []
    polygons: list[Polygon] = []
    runs: list[Runs] = []
    faults = []
    for number, annotation in enumerate(annotations):
        try:
            _add(annotation, boxes, polygons, runs)
        except ValueError as error:
            faults.append(f'{place}, annotation {annotation.get("id", number)}: {error}')
    try:
        height, width = (int(image.get(side) or 0) for side in ('height', 'width'))
    except (TypeError, ValueError, OverflowError):
        height = width = -1
    if min(height, width) < 0:
        faults.append(f'{place}: height and width are no numbers of pixels')
    return Drawing(
        place,
        tuple(boxes),
        tuple(polygons),
        tuple(runs),
        shape=(height, width) if min(height, width) > 0 else None,
        finding='+'.join(
            sorted({names[one.get('category_id')].lower() for one in annotations} - {''})
        ),
        fault='; '.join(faults),
    )


def _add(
    annotation: Mapping[str, Any],
    boxes: list[Box],
    polygons: list[Polygon],
    runs: list[Runs],
) -> None:
    """Add one annotation to the shapes of its image.

    Raises:
        ValueError: It is none.
    """
    drawn, box = annotation.get('segmentation'), annotation.get('bbox')
    if isinstance(drawn, dict) and drawn:
        runs.append(_runs(drawn))
    elif isinstance(drawn, list) and drawn:
        polygons += [_polygon(one) for one in drawn]
    elif drawn:
        raise ValueError('a segmentation that is neither polygons nor runs')
    elif isinstance(box, list) and len(box) == 4:
        x, y, width, height = (_coordinate(value) for value in box)
        corners = (x, y, x + width, y + height)
        if fault := fault_of_box(corners):
            raise ValueError(fault)
        boxes.append(corners)
    else:
        raise ValueError('neither a segmentation nor a bbox of x, y, width and height')


def _polygon(values: Any) -> Polygon:
    if not isinstance(values, list) or len(values) % 2:
        raise ValueError('a polygon that is not x, y, x, y, …')
    numbers = [_coordinate(value) for value in values]
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if fault := fault_of_polygon(points):
        raise ValueError(fault)
    return points


def _coordinate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'{value!r} in the place of a number')  # noqa: TRY004 (a fault of the file)
    if abs(value) > _FARTHEST:
        raise ValueError(f'a coordinate beyond {_FARTHEST}')
    return float(value)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 < value < _FARTHEST


def _runs(drawn: Mapping[str, Any]) -> Runs:
    size, counts = drawn.get('size'), drawn.get('counts')
    if not (isinstance(size, list) and len(size) == 2 and all(map(_is_size, size))):
        raise ValueError('runs (RLE) without size')
    if isinstance(counts, str):
        counts = _unpack(counts)
    if not (isinstance(counts, list) and all(isinstance(n, int) and n >= 0 for n in counts)):
        raise ValueError('runs (RLE) without counts')
    if sum(counts) != size[0] * size[1]:
        raise ValueError(f'runs (RLE) of {sum(counts)} pixels for {size[0]}×{size[1]}')
    if not any(counts[1::2]):
        raise ValueError('runs (RLE) without a lesion pixel')
    return Runs((size[0], size[1]), tuple(counts))


def _unpack(text: str) -> list[int]:
    """Counts of the text that pycocotools writes.

    Each number is letters of five bits, lowest first, from ``0`` (48) on; the sixth bit says that
    another follows, and the fifth of the last one is the sign. From the fourth number on, it is the
    difference to the one two places before.
    """
    numbers: list[int] = []
    value, place = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f'runs (RLE) with the letter {letter!r}')
        value |= (bits & 31) << place
        place += 5
        if not bits & 32:
            value -= (1 << place) if bits & 16 else 0
            numbers.append(value + numbers[-2] if len(numbers) > 2 else value)
            value, place = 0, 0
    if place:
        raise ValueError('runs (RLE) that end within a number')
    return numbers
