"""Inputs of a prediction: files, folders, tables and prepared folders as one list of images."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.inference.prediction_folder.journal import FOLDER
from mmseg_mammo.io.image import FORMATS, image_suffix, is_image
from mmseg_mammo.io.index import INDEX_NAME, read_index
from mmseg_mammo.io.spacing import extent_mm, parse_spacing
from mmseg_mammo.io.table import read_records
from mmseg_mammo.io.walk import is_system, walk
from mmseg_mammo.preparation.hospital.names import output_names

_TABLES = ('.csv', '.tsv', '.txt', '.xlsx')
_SIDES = {'L': 'LEFT', 'R': 'RIGHT'}
_COLUMNS = ('image', 'patient_id', 'laterality', 'view', 'spacing_mm')
_NO_IMAGE = 'Call the column of the paths image, or give the folder of the images instead'


@dataclass(frozen=True)
class Input:
    """One image to predict on. Empty texts and None mean unknown.

    Attributes:
        image: How it is called: its path in the table, the index or below the folder that was
            given, or its file name.
        path: The file.
        key: Stem of the files that are written for it; unique.
        patient_id: As a table or an index gives it; headers are not asked.
        laterality: LEFT or RIGHT.
        view: CC, MLO, …
        extent_mm: Height and width of the image in mm, where an index tells.
        spacing: Millimetres of a pixel, (row, column), where a table tells.
        original_shape: (H, W) before the preparation, of a prepared image.
    """

    image: str
    path: Path
    key: str = ''
    patient_id: str = ''
    laterality: str = ''
    view: str = ''
    extent_mm: tuple[float, float] | None = None
    spacing: tuple[float, float] | None = None
    original_shape: tuple[int, int] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What a pipeline may ask of an image beside its path."""
        shape = zip(('original_height', 'original_width'), self.original_shape or (), strict=False)
        size = {'extent_mm': self.extent_mm, 'spacing_mm': self.spacing}
        told = {key: value for key, value in size.items() if value}
        return {'image': self.image, **dict(shape), **told}

    def fingerprint(self) -> str:
        """Changes with the file, by its place, size and time, and with what is known of it; '' if gone."""
        try:
            stat = self.path.stat()
        except OSError:
            return ''
        known = repr({**vars(self), 'path': str(self.path.absolute())})
        digest = hashlib.sha256(known.encode(errors='backslashreplace')).hexdigest()[:16]
        return f'{stat.st_size}-{stat.st_mtime_ns}-{digest}'


def find_inputs(places: Sequence[Path], out: Path, split: str | None = None) -> list[Input]:
    """The images that are meant, each once, in a fixed order.

    Args:
        places: Image files; folders, searched with their subfolders; prepared folders, or their
            index; CSV tables with a column ``image``, relative to the table's folder, and perhaps
            ``patient_id``, ``laterality``, ``view`` and ``spacing_mm``.
        out: Where predictions are written; nothing below it is an input.
        split: Of prepared folders: train, val or test; None takes all.

    Raises:
        DataFileError: A place is missing, or of no kind that is read here; a folder has
            no image; none is prepared though a split is asked for; or a table cannot be read.
    """
    _check_split(places, split)
    own = os.path.realpath(out)
    found: dict[str, Input] = {}
    for place in places:
        written = taken = 0
        for source in _of_place(place, split):
            real = os.path.realpath(source.path)
            if real == own or real.startswith(own + os.sep):
                written += 1
            else:
                taken += 1
                found.setdefault(real, source)
        if not taken:
            raise DataFileError(
                f'{place}: no image in it'
                + f' but those in {out}, the folder to write to' * bool(written),
                f'files of {FORMATS}',
                'Check the path' + f', or --split {split}' * bool(split),
            )
    sources = _with_distinct_names(found.values())
    keys = _keys([source.image.removeprefix('images/') for source in sources])
    return [replace(source, key=key) for source, key in zip(sources, keys, strict=True)]


def _keys(names: Sequence[str]) -> list[str]:
    """A file stem for each image; where names differ too little for some file systems, with a hash."""
    try:
        return output_names(names)
    except DataIndexError:
        return output_names(
            [
                f'{name.removesuffix(image_suffix(name))}-{hashlib.sha256(name.encode()).hexdigest()[:8]}'
                for name in names
            ]
        )


def _with_distinct_names(sources: Iterable[Input]) -> list[Input]:
    """Images that several places call the same get their paths below the folder that holds them."""
    counts = Counter(source.image.casefold() for source in sources)
    same = [source for source in sources if counts[source.image.casefold()] > 1]
    if not same:
        return list(sources)
    top = os.path.commonpath([os.path.normpath(source.path.parent.absolute()) for source in same])
    names = {source.path: Path(os.path.relpath(source.path, top)).as_posix() for source in same}
    return [replace(s, image=names[s.path]) if s.path in names else s for s in sources]


def _check_split(places: Sequence[Path], split: str | None) -> None:
    if split and not any(
        (place / INDEX_NAME).is_file() or place.name == INDEX_NAME for place in places
    ):
        raise DataFileError(
            f'--split {split}: none of the inputs is a prepared folder',
            'folders of mammoseg prepare',
            'Leave --split out',
        )


def _of_place(place: Path, split: str | None) -> Iterator[Input]:
    if not place.exists():
        raise DataFileError(f'{place}: no such file or folder', remedy='Check the path')
    if place.is_dir():
        index = place / INDEX_NAME
        yield from _of_index(index, split) if index.is_file() else _of_folder(place)
    elif place.name == INDEX_NAME:
        yield from _of_index(place, split)
    elif place.suffix.lower() in _TABLES:
        yield from _of_table(place)
    elif is_image(place):
        yield Input(place.name, place)
    else:
        raise DataFileError(
            f'{place}: neither an image nor a table',
            f'{FORMATS}, a folder of them, a prepared folder, or a CSV table with a column image',
        )


def _of_folder(folder: Path) -> Iterator[Input]:
    known: list[Path] = []  # of earlier predictions and of preparations: masks are no mammograms
    for place, names in walk(folder):
        if any(place.is_relative_to(other) for other in known):
            continue
        if (place / FOLDER).is_dir():
            known.append(place)
            continue
        if INDEX_NAME in names and (place / 'images').is_dir() and (place / 'masks').is_dir():
            known.append(place)
            for source in _of_index(place / INDEX_NAME, None):
                yield replace(source, image=source.path.relative_to(folder).as_posix())
            continue
        for name in names:
            path = place / name
            if not is_system(name) and name != 'DICOMDIR' and is_image(path):
                yield Input(path.relative_to(folder).as_posix(), path)


def _of_index(index: Path, split: str | None) -> Iterator[Input]:
    for row in read_index(index, check_files=False):
        if split in (None, row.split):
            yield Input(
                image=row.image,
                path=index.parent / row.image,
                patient_id=row.patient_id,
                laterality=row.laterality,
                view=row.view,
                extent_mm=extent_mm(row),
                original_shape=(row.original_height, row.original_width),
            )


def _of_table(table: Path) -> Iterator[Input]:
    for number, row, *_ in read_records(table, ('image',), _NO_IMAGE, known=_COLUMNS):
        side = row.get('laterality', '').upper()
        side = _SIDES.get(side, side)
        if not row['image'] or side not in ('', 'LEFT', 'RIGHT'):
            raise DataFileError(
                f'{table}, row {number}: image {row["image"]!r}, laterality {side!r}',
                'a path, and LEFT, RIGHT, L, R or nothing',
            )
        text = row.get('spacing_mm', '')
        try:
            spacing = parse_spacing(text)
        except ValueError:
            raise DataFileError(
                f'{table}, row {number}: spacing_mm {text!r}', 'one or two lengths in mm'
            ) from None
        yield Input(
            image=row['image'].replace('\\', '/'),
            path=table.parent / row['image'].replace('\\', '/'),
            patient_id=row.get('patient_id', ''),
            laterality=side,
            view=row.get('view', '').upper(),
            spacing=spacing,
        )
