"""Parts: an index with its splits written anew, in a folder of ours; and folds of patients.

A part lies in a work folder. The images that it names stay where they are: links beside it lead to
them, so that any command reads it as it reads the index of a prepared folder.
"""

import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from mmseg_mammo.errors import DataIndexError, MammoError
from mmseg_mammo.io.files import sha256, write_atomic
from mmseg_mammo.io.index import INDEX_NAME, Row, read_index, write_index
from mmseg_mammo.preparation.output import OPTIONS_NAME


def write_part(
    data_root: Path, out: Path, splits: Mapping[str, str], ann_file: str = INDEX_NAME
) -> Path:
    """Write an index of some images of a prepared folder, with the splits that are given.

    Nothing is written into the folder of the data. Several parts may lie in one folder. A part
    that is there already and says the same is left alone.

    Args:
        data_root: Prepared folder.
        out: CSV file, in a folder of ours.
        splits: Split by the column ``image``; images that are not in it are left out.
        ann_file: Name of the index below ``data_root``.

    Returns:
        ``out`` as an absolute path, for ``ann_file`` of a data set.

    Raises:
        DataIndexError: The index has no image of that name, or a patient would be in two splits.
        MammoError: ``out`` lies in the folder of the data or holds something else, or no link can
            be made.
    """
    index = data_root / ann_file
    rows = read_index(index)
    known = {row.image for row in rows}
    if unknown := sorted(set(splits) - known):
        raise DataIndexError(f'{index}: no image {unknown[0]!r}', 'images of its column image')
    kept = [replace(row, split=splits[row.image]) for row in rows if row.image in splits]
    if not kept:
        raise DataIndexError(f'{out}: a part of {index} without an image', 'one image or more')
    out = out.absolute()
    if out.parent.resolve().is_relative_to(index.parent.resolve()):
        raise MammoError(
            f'{out} would lie in the folder of the data, {index.parent}',
            'a work folder elsewhere',
            'Name another --work-dir',
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    for name in sorted(_tops(kept)):
        _link(index.parent / name, out.parent / name)
    if (index.parent / OPTIONS_NAME).is_file():
        _link(index.parent / OPTIONS_NAME, out.parent / OPTIONS_NAME)
    _write_once(out, kept)
    return out


def make_folds(rows: Sequence[Row], count: int, seed: int = 0) -> dict[str, int]:
    """Divide annotated images into folds by patient, each with about as many lesions and normals.

    Args:
        rows: Of an index; those that nobody annotated are left out.
        count: Number of folds, 2 or more.
        seed: Of the choice.

    Returns:
        Number of the fold, from 1 to ``count``, by the column ``image``.

    Raises:
        MammoError: There are fewer patients than folds, or only one.
    """
    known = [row for row in rows if row.annotated != 'no']
    patients = np.array([row.patient_id for row in known])
    if count < 2:
        raise MammoError(f'{count} folds', 'two or more')
    different = len(set(patients.tolist()))
    if different == 1:
        raise MammoError(
            f'folds: all {len(known)} annotated images are of one patient',
            'two patients or more, of whom each is left out once',
            'Train one config with --folds 0, for all of its steps; or annotate another patient',
        )
    if different < count:
        raise MammoError(
            f'{count} folds of {different} patients with annotated images',
            f'folds up to the number of patients; {len(known)} images are annotated',
            'Ask for fewer folds',
        )
    kinds = np.array([row.annotated for row in known])
    # The scikit-learn of today refuses more folds than images of every kind, and warns of one kind.
    if max(Counter(kinds.tolist()).values()) < count:
        kinds = np.full(len(known), 'any')
    found: dict[str, int] = {}
    divider = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    for number, held in enumerate(_held_out(divider, kinds, patients), start=1):
        if not len(held):
            raise MammoError(
                f'{count} folds of {len(known)} images: fold {number} would have none',
                remedy='Ask for fewer folds',
            )
        found.update({known[place].image: number for place in held})
    return {row.image: found[row.image] for row in known}


def _held_out(
    divider: StratifiedGroupKFold, kinds: np.ndarray, patients: np.ndarray
) -> list[np.ndarray]:
    """Places of the images of each fold."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='The least populated class')
        pairs = divider.split(np.zeros(len(kinds)), kinds, patients)
        return [held for _, held in pairs]


def _tops(rows: Sequence[Row]) -> set[str]:
    """What the paths of rows begin with: folders, or files beside the index."""
    return {path.partition('/')[0] for row in rows for path in (row.image, row.mask) if path}


def _link(target: Path, link: Path) -> None:
    target = target.resolve()
    if link.is_symlink() and link.resolve() == target:
        return
    if link.is_symlink() or link.exists():
        raise MammoError(
            f'{link} is something else than a link to {target}',
            remedy='Name another --work-dir, or move it away',
        )
    try:
        link.symlink_to(target)
    except FileExistsError:  # by another job of this study
        if link.resolve() != target:
            raise
    except OSError as error:
        raise MammoError(
            f'{link}: no link to {target} ({error.strerror})',
            'a file system with symbolic links',
            'Name a --work-dir on one',
        ) from error


def _write_once(out: Path, rows: Sequence[Row]) -> None:
    """Write an index unless one that says the same is there."""
    new = out.with_name(f'.{out.name}.{os.getpid()}')
    try:
        write_index(new, rows)
        if not out.exists():
            write_atomic(out, lambda stream: stream.write(new.read_bytes()))
        elif sha256(out) != sha256(new):
            raise MammoError(
                f'{out} is there, and of other images or splits',
                'the data and the number of folds that it was begun with',
                'Name another --work-dir',
            )
    finally:
        new.unlink(missing_ok=True)
