"""Files of another system's predictions: which of them belongs to which image of an index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.dicom.reader import is_dicom
from mmseg_mammo.io.dicom.segmentation import SegmentationInfo, read_segmentation_info
from mmseg_mammo.io.image import FORMATS, image_suffix, is_image
from mmseg_mammo.io.image_keys import image_keys
from mmseg_mammo.io.image_names import match_names
from mmseg_mammo.io.index import Row
from mmseg_mammo.io.table import read_records
from mmseg_mammo.io.walk import walk

TABLE_COLUMNS = ('image', 'mask', 'score')
_REMEDY = 'Name a folder of masks alone, one an image, or a table: --table with columns image, mask'


@dataclass(frozen=True)
class MaskFile:
    """The prediction of one image.

    Attributes:
        path: The file; None where a table says that nothing is marked.
        uid: Of a DICOM SEG the SOP Instance UID of the image, '' where the only image of the SEG is
            meant; None for other files.
        score: Of the whole image, 0 to 1; None where no table gives one.
    """

    path: Path | None
    uid: str | None = None
    score: float | None = None


@dataclass(frozen=True)
class Found:
    """What a folder, or a table, holds.

    Attributes:
        files: Of each image that has one, by its ``image`` of the index.
        unmatched: Names that mean no image of the index.
        loose: Names that mean theirs by the file name alone: the folders differ.
    """

    files: Mapping[str, MaskFile]
    unmatched: tuple[str, ...]
    loose: tuple[str, ...] = ()


def find_files(folder: Path, rows: Sequence[Row]) -> Found:
    """Find the file of each image: a DICOM SEG by the UID that it names, others by their names.

    A file means an image by its key (``per_image_test.csv``), or as a table does
    (:func:`.match_names`). A SEG that names no image of the index is matched by its name too.

    Args:
        folder: Searched with its subfolders; files of other formats are not looked at.
        rows: All of the index, of every split.

    Raises:
        DataFileError: There is no such folder; a file means several images, or several files
            mean one; or none means any.
    """
    if not folder.is_dir():
        raise DataFileError(f'{folder}: no such folder', 'a folder of masks')
    paths = [place / name for place, names in walk(folder) for name in names]
    kinds = {path.relative_to(folder).as_posix(): _header(path) for path in paths if is_image(path)}
    if not kinds:
        raise DataFileError(f'{folder}: no masks in it', FORMATS)
    claims: list[tuple[str, str, MaskFile]] = []  # image, name, file
    for name, seg in kinds.items():
        claims += [
            (row.image, name, MaskFile(folder / name, row.sop_uid)) for row in _named(seg, rows)
        ]
    done = {name for _, name, _ in claims}
    rest = [name for name in kinds if name not in done]
    matched, unmatched, loose = _match(rest, rows, folder, _REMEDY)
    claims += [
        (image, name, MaskFile(folder / name, '' if kinds[name] else None))
        for image, name in matched.items()
    ]
    _refuse_several([(image, name) for image, name, _ in claims], folder)
    files = {image: file for image, _, file in claims}
    if not files:
        raise DataFileError(
            f'{folder}: none of its files, such as {rest[0]}, means an image of the index, such as '
            f'{rows[0].image}',
            'file names as in column image of index.csv, or keys of per_image_test.csv',
            _REMEDY,
        )
    return Found(files, unmatched, loose)


def read_mask_table(table: Path, folder: Path, rows: Sequence[Row]) -> Found:
    """Read which file belongs to which image from a table: columns image, mask and maybe score.

    An empty cell in column mask says that nothing was marked.

    Args:
        table: CSV file.
        folder: That its masks are relative to.
        rows: All of the index, of every split.

    Raises:
        DataIndexError: A column is missing, or an image has several rows.
        DataFileError: A file is missing, a score is no number from 0 to 1, or names are ambiguous.
    """
    records = read_records(table, TABLE_COLUMNS[:2], known=TABLE_COLUMNS)
    cells: dict[str, tuple[str, dict[str, str]]] = {}
    for record in records:
        name, place = record.cells['image'], f'{table}, row {record.number}'
        if not name:
            raise DataIndexError(f'{place}: column image is empty', 'the name of an image')
        if name in cells:
            raise DataIndexError(
                f'{place}: {name} has a row already',
                'one row an image',
                'Join the masks of an image in one file',
            )
        cells[name] = place, record.cells
    matched, unmatched, loose = _match(list(cells), rows, table, 'Write longer paths')
    files = {
        image: _file_of_row(folder, image, rows, *cells[name]) for image, name in matched.items()
    }
    if not files:
        raise DataFileError(
            f'{table}: none of its {len(cells)} rows means an image of the index, such as {rows[0].image}',
            'names as in column image of index.csv',
        )
    scored = [file.score is not None for file in files.values()]
    if any(scored) and not all(scored):
        raise DataFileError(
            f'{table}: {scored.count(False)} of {len(scored)} images have no score',
            'a score from 0 to 1 for every image, or for none',
        )
    return Found(files, unmatched, loose)


def _file_of_row(
    folder: Path, image: str, rows: Sequence[Row], place: str, cells: Mapping[str, str]
) -> MaskFile:
    score = cells.get('score', '')
    try:
        value = float(score) if score else None
    except ValueError:
        value = -1.0
    if value is not None and not 0 <= value <= 1:
        raise DataFileError(
            f'{place}: score {score!r}',
            'a number from 0 to 1',
            'Divide scores by the highest that the system gives',
        )
    if not cells['mask']:
        return MaskFile(None, score=value)
    path = folder / cells['mask'].replace('\\', '/')
    if not path.is_file():
        raise DataFileError(f'{place}: {path} is missing', 'paths relative to the folder of masks')
    seg = _header(path)
    named = {row.image: row.sop_uid for row in _named(seg, rows)}
    if named and image not in named:
        raise DataFileError(
            f'{place}: {path} is a DICOM SEG of {next(iter(named))}', f'one of {image}'
        )
    return MaskFile(path, named.get(image, '') if seg else None, value)


def _header(path: Path) -> SegmentationInfo | None:
    """That of a SEG; None for other files."""
    return read_segmentation_info(path, strict=True) if is_dicom(path) else None


def _named(seg: SegmentationInfo | None, rows: Sequence[Row]) -> list[Row]:
    """The images of the index that a SEG lies on."""
    return [row for row in rows if seg and row.sop_uid and row.sop_uid in seg.images]


def _match(
    names: Sequence[str], rows: Sequence[Row], place: Path, remedy: str
) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """The name of each image that has one; names that mean none; names that folders differ for."""
    keys = {key: pair[1] for pair, key in image_keys({(r.source, r.image) for r in rows}).items()}
    by_key = {name: keys[stem] for name in names if (stem := _stem(name)) in keys}
    _refuse_several([(image, name) for name, image in by_key.items()], place)
    rest = [name for name in names if name not in by_key]
    images = [row.image for row in rows]
    found = match_names(rest, images, place, remedy)
    pairs = [(image, name) for name, image in by_key.items()]
    pairs += found.names.items()
    # A name that is less like an image than another is unknown there; but it means the same image.
    again = match_names(found.unknown, images, place, remedy)
    pairs += [pair for pair in again.names.items() if pair[1] not in again.loose]
    _refuse_several(pairs, place)
    return dict(pairs), found.unknown, found.loose


def _stem(name: str) -> str:
    last = name.replace('\\', '/').rpartition('/')[2]
    return last.removesuffix(image_suffix(last))


def _refuse_several(claims: Sequence[tuple[str, str]], place: Path) -> None:
    """Refuse an image that two files mean."""
    seen: dict[str, str] = {}
    for image, name in claims:
        other = seen.setdefault(image, name)
        if other != name:
            raise DataFileError(
                f'{place}: {other} and {name} both mean {image}', 'one mask an image', _REMEDY
            )
