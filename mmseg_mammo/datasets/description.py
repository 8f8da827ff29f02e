"""Data set description: counts of images, patients and annotations, and the hash of the index."""

import hashlib
from pathlib import Path
from typing import Any

from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.index import INDEX_NAME
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.run_folder import IMAGE_LABELS, LEFT_OUT, NOT_ANNOTATED, OTHER_FINDING


def members(dataset: Any) -> list[Any]:
    """The data sets inside mmengine's wrappers, such as ``ConcatDataset``; or itself, unwrapped."""
    inner = getattr(dataset, 'datasets', [dataset.dataset] if hasattr(dataset, 'dataset') else [])
    return [member for part in inner for member in members(part)] or [dataset]


def describe_data(dataset: Any) -> dict[str, Any]:
    """Which images a data set has and leaves out, in counts; and the SHA-256 of its index.

    Of an index elsewhere, which has a part of the folder's images, ``part_of`` is that of the folder.
    A wrapper such as ``ConcatDataset`` has its members described, one by one.
    """
    inside = members(dataset)
    if inside != [dataset]:
        described = [describe_data(member) for member in inside]
        return {'type': type(dataset).__name__, 'images': len(dataset), 'members': described}
    rows = [dataset.get_data_info(index) for index in range(len(dataset))]
    index, whole = Path(dataset.ann_file), Path(dataset.data_root) / INDEX_NAME
    is_part = whole.is_file() and whole.resolve().parent != index.resolve().parent
    labelled = sum(map(is_image_label, rows))
    return {
        'type': type(dataset).__name__,
        'data_root': str(dataset.data_root),
        'index_sha256': hashlib.sha256(index.read_bytes()).hexdigest(),
        **({'part_of': sha256(whole)} if is_part else {}),
        'split': dataset.split,
        'finding': dataset.finding,
        'images': len(rows),
        'patients': len({(origin_of(row['source']), row['patient_id']) for row in rows}),
        LEFT_OUT: count_left_out(dataset),
        'annotated': _count(rows, 'annotated'),
        'mask_kind': _count(rows, 'mask_kind'),
        'source': _count(rows, 'source'),
        **({IMAGE_LABELS: labelled} if labelled else {}),
        **({'normal_sources': _sources_of(dataset)} if dataset.normal_sources else {}),
    }


def count_left_out(dataset: Any) -> dict[str, int]:
    """How many images of its split a data set that has been read leaves out, by the reason."""
    names = (NOT_ANNOTATED, OTHER_FINDING, IMAGE_LABELS)
    counts = dict(zip(names, dataset.left_out, strict=False))
    return {name: count for name, count in counts.items() if count or name != IMAGE_LABELS}


def _sources_of(dataset: Any) -> list[dict[str, str]]:
    return [
        {'data_root': str(index.parent), 'index_sha256': sha256(index) or ''}
        for index in dataset.indices[1:]
    ]


def _count(rows: list[dict], column: str) -> dict[str, int]:
    values = [row[column] for row in rows]
    return {value: values.count(value) for value in sorted(set(values))}
