"""Drawings of a hospital: gives the shapes of a COCO file to the rows of the images that it names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.image_names import match_names
from mmseg_mammo.io.shapes.coco import read_coco
from mmseg_mammo.io.shapes.drawing import Drawing
from mmseg_mammo.preparation.hospital.disk import find_images
from mmseg_mammo.preparation.hospital.entry import COLUMNS, Entry, Gaps, Problem, Raw, collect
from mmseg_mammo.preparation.hospital.folders import path_below, unknown_files
from mmseg_mammo.preparation.hospital.names import nfc, stem_of, tells_nothing
from mmseg_mammo.preparation.hospital.regions import BOX
from mmseg_mammo.preparation.hospital.spelling import fixed_cells

SHOWN = 10


@dataclass(frozen=True)
class Drawings:
    """What a file of annotations holds.

    Args:
        path: The file.
        images: Its name of each image -> what was drawn on it, or None.
    """

    path: Path
    images: Mapping[str, Drawing | None]


def read_drawings(path: Path, categories: Collection[str] = ()) -> Drawings:
    """Read a COCO file; see :func:`mmseg_mammo.io.shapes.coco.read_coco`."""
    return Drawings(path, read_coco(path, categories))


def add_drawings(rows: Sequence[Raw], drawings: Drawings, fixed: Collection[str] = ()) -> list[Raw]:
    """Give each row what was drawn on its image.

    A name of the file and a path agree if the shorter is the end of the other, whatever the format
    (``P1/LCC.png`` and ``dicom/P1/LCC.dcm``). Where folders differ they do not.

    Args:
        rows: Of a table or of a folder.
        drawings: Of a COCO file.
        fixed: Columns that have one value for all rows; the category fills no ``finding`` there.

    Returns:
        The rows. One that has a mask or a box beside its drawing has a fault; one that the file
        does not list is no normal image without a word of the table.

    Raises:
        DataIndexError: The file has drawings of images that no row has.
        DataFileError: A name may mean several images.
    """
    paths = [_path(row) for row in rows]
    matches = match_names(drawings.images, [path for path in paths if path], drawings.path)
    names = {path: name for path, name in matches.names.items() if name not in matches.loose}
    unused = drawings.images.keys() - names.values()
    _stop_at_lost([n for n in drawings.images if n in unused and drawings.images[n]], drawings)
    return [
        _give(row, names.get(path), drawings, 'finding' not in fixed)
        for row, path in zip(rows, paths, strict=True)
    ]


def list_drawn(
    images: Path,
    drawings: Drawings,
    fixed: Mapping[str, str],
    gaps: Gaps,
    image_suffix: str = '',
) -> tuple[list[Entry], list[Problem]]:
    """Take all images of a folder, with what was drawn on them.

    Args:
        images: Searched with its subfolders, links followed.
        drawings: Of a COCO file.
        fixed: Column -> a value for every image.
        gaps: How to fill what neither file names nor drawings tell.
        image_suffix: What the stem of an image ends with (``_FULL``); others are left out.

    Returns:
        As :func:`read_hospital_table`.

    Raises:
        DataIndexError: The folder does not exist or holds no image; ``fixed`` has a column or value
            that there is not; see also :func:`add_drawings`.
    """
    found, suffix = find_images(images), nfc(image_suffix)
    empty = fixed_cells(fixed, COLUMNS)
    raw = [
        Raw(name, {**empty, 'image': name})
        for path in found.images
        if stem_of(path.name).endswith(suffix) and (name := path_below(path, images))
    ]
    entries, problems = collect(add_drawings(raw, drawings, fixed), images, gaps)
    return entries, unknown_files(found.others, images, suffix) + problems


def _path(row: Raw) -> str:
    return row.cells['image'].replace('\\', '/')


def _give(row: Raw, name: str | None, drawings: Drawings, fill: bool) -> Raw:
    told = [column for column in ('mask', *BOX) if not tells_nothing(row.cells[column])]
    if name is None:
        doubt = f'{drawings.path.name} does not list it'
        return row if told or row.doubt else row._replace(doubt=doubt)
    drawn = drawings.images[name]
    if drawn is None:
        return row
    if told:
        fault = f'{drawn} and column {told[0]} both tell of lesions; leave one of them out'
        return row._replace(drawn=replace(drawn, fault=fault))
    cells = row.cells
    if fill and tells_nothing(cells['finding']):
        cells = {**cells, 'finding': drawn.finding}
    return row._replace(cells=cells, drawn=drawn)


def _stop_at_lost(orphans: Sequence[str], drawings: Drawings) -> None:
    if orphans:
        more = f'\n  and {len(orphans) - SHOWN} more' if len(orphans) > SHOWN else ''
        raise DataIndexError(
            f'{drawings.path}: {len(orphans)} images with drawings that are not among the images',
            'a file_name that is the path of an image, or its end, in whatever format',
            'Without them an image may pass for one without lesion. Correct file_name, or take '
            'them out of the file:' + ''.join(f'\n  {name}' for name in orphans[:SHOWN]) + more,
        )
