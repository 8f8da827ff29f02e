"""Image keys: a unique file name for each image of a data set; names of sources of cuts."""

import hashlib
import re
from collections import Counter
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any

_CUTS = ', lesion-free '


def image_keys(images: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A file name for each image of a data set, the same in every process and in any order.

    Args:
        images: (source, image) of each, as in the index; no pair twice.

    Returns:
        For each pair the stem ``source_image`` without the suffix, with ``_`` for all but
        letters, digits, dots and dashes. Images whose stems differ in nothing, or in capitals
        only, which some file systems do not tell apart, get a hash of their own at the end.
    """
    stems = {pair: _stem(*pair) for pair in images}
    times = Counter(stem.casefold() for stem in stems.values())
    return {
        pair: stem if times[stem.casefold()] == 1 else f'{stem}-{_hash(*pair)}'
        for pair, stem in stems.items()
    }


def keys_by_path(dataset: Any) -> dict[str, str]:
    """The key of each image of a dataset of this project, by its ``img_path``."""
    rows = [dataset.get_data_info(index) for index in range(len(dataset))]
    keys = image_keys({(row['source'], row['image']) for row in rows})
    return {row['img_path']: keys[row['source'], row['image']] for row in rows}


def source_of_cuts(source: str, kind: str) -> str:
    """The source of what was cut out of images of another source.

    Args:
        source: Of the images.
        kind: ``crop``, ``window`` or ``side``.

    >>> source_of_cuts('ours', 'crop')
    'ours, lesion-free crops'
    """
    return f'{source}{_CUTS}{kind}s'


def origin_of(source: str) -> str:
    """The source of the patients of a source: that of the whole images, where it is of cuts.

    >>> origin_of('ours, lesion-free crops'), origin_of('ours')
    ('ours', 'ours')
    """
    return source.partition(_CUTS)[0]


def is_cut(source: str) -> bool:
    """Whether a source is of cuts.

    >>> is_cut('ours, lesion-free crops'), is_cut('ours')
    (True, False)
    """
    return _CUTS in source


def _stem(source: str, image: str) -> str:
    return re.sub(r'[^\w.-]', '_', f'{source}_{PurePosixPath(image).with_suffix("")}')


def _hash(source: str, image: str) -> str:
    return hashlib.sha256(f'{source}\n{image}'.encode()).hexdigest()[:8]
