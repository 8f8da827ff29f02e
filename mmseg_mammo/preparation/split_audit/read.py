"""Split files: reads anybody's table, list or JSON file of a split as entries.

Tables: ``index.csv``, any CSV file with a column for the split or a column of names for each split,
the case description CSVs of CBIS-DDSM. Lists: a name a line. JSON: ``splits_final.json`` of nnU-Net,
data lists of MONAI, ``dataset.json`` of the Medical Segmentation Decathlon. A file that names no
split is one, by the word in its own name.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.image import image_suffix
from mmseg_mammo.io.index import INDEX_NAME
from mmseg_mammo.io.table import fold, read_records
from mmseg_mammo.preparation.split_audit.entries import ROLES, Entry, make_entry, role_in

# What we look for -> headings without capitals and blanks; the first that is there is taken.
HEADINGS = {
    'split': ('split', 'datasplit', 'subset', 'partition', 'phase', 'set', 'fold'),
    'patient': (
        *('patientid', 'patient', 'patientnumber', 'patientname', 'subjectid', 'subject'),
        *('empianon', 'clientid', 'caseid', 'case', 'studyid', 'studyuid', 'studyinstanceuid'),
    ),
    'name': (
        *('image', 'imagepath', 'imagefilepath', 'filepath', 'imgpath', 'path', 'imagename'),
        *('filename', 'file', 'dataname', 'img', 'name', 'imageid', 'id', 'data'),
    ),
    'side': ('laterality', 'side', 'leftorrightbreast', 'imagelateralityfinal', 'breast'),
    'view': ('view', 'viewposition', 'imageview'),
    'uid': ('sopuid', 'sopinstanceuid', 'sopinstanceuidanon'),
    'dataset': ('dataset', 'database', 'collection'),
}
_REMEDY = 'Name the column: --columns split=MINE patient=MINE name=MINE'
# Cells of columns train, val, test that say whether an image is there, and do not name one.
_FLAGS = {
    **dict.fromkeys(('1', '1.0', 'x', 'yes', 'y', 'true'), True),
    **dict.fromkeys(('', '0', '0.0', 'no', 'n', 'false'), False),
}
_LISTS = ('.txt', '.lst', '.list')


class Options(NamedTuple):
    """How to read split files.

    Attributes:
        columns: Of :data:`HEADINGS` -> heading of a table or key of a JSON entry.
        pattern: Regular expression with groups ``patient``, ``side``, ``view``, searched in names.
        root: Folder that names are relative to, beside that of the file.
    """

    columns: Mapping[str, str] = {}
    pattern: re.Pattern | None = None
    root: Path | None = None


class SplitFile(NamedTuple):
    """What a split file holds: its entries, and the number of rows that name no split."""

    path: Path
    entries: list[Entry]
    unassigned: int


_Raw = tuple[str, str, Mapping[str, str]]  # group, split, cells


def read_split(path: Path, options: Options = Options()) -> SplitFile:  # noqa: B008 - immutable
    """Read a split file; a folder stands for its ``index.csv``.

    Raises:
        DataFileError: It is missing or empty, or JSON of a form that is not known.
        DataIndexError: A table cannot be read, or has no column that tells an image or a patient.
    """
    path = path / INDEX_NAME if path.is_dir() else path
    if not path.is_file():
        raise DataFileError(f'{path}: No such file', remedy='Check the path')
    if path.suffix.lower() == '.json':
        rows = list(_of_json(path, options))
    elif path.suffix.lower() in _LISTS:
        rows = list(_of_list(path))
    else:
        rows = list(_of_table(path, options))
    entries = [
        make_entry(
            split, cells, options.pattern, _find(cells.get('name', ''), path, options), group
        )
        for group, split, cells in rows
        if split
    ]
    if not entries:
        raise DataFileError(f'{path}: no image in any split', 'a split for each image', _REMEDY)
    return SplitFile(path, entries, len(rows) - len(entries))


def _find(name: str, path: Path, options: Options) -> Path | None:
    """The image, if it is at hand."""
    name = name.replace('\\', '/')
    if not image_suffix(name):
        return None
    folders = [folder for folder in (options.root, path.parent) if folder]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _own_split(path: Path) -> str:
    return role_in(path.stem) or path.stem


def _of_table(path: Path, options: Options) -> Iterator[_Raw]:
    records = read_records(path, list(options.columns.values()), _REMEDY)
    if not records:
        return
    head = list(records[0].cells)
    columns = _columns(head, options.columns)
    wide = {name: ROLES[fold(name)] for name in head if fold(name) in ROLES}
    if 'split' not in columns and len(wide) > 1:
        yield from _of_wide_table([record.cells for record in records], columns, wide)
        return
    if not {'name', 'patient', 'uid'} & set(columns):
        looked = ', '.join((*HEADINGS['name'], *HEADINGS['patient'][:3]))
        raise DataIndexError(
            f'{path}: no column of images or patients among {", ".join(filter(None, head))}',
            f'one of {looked}',
            _REMEDY,
        )
    for record in records:
        cells = {key: record.cells[name] for key, name in columns.items()}
        yield '', _named(columns, cells) if 'split' in columns else _own_split(path), cells


def _of_wide_table(
    rows: Sequence[Mapping[str, str]], columns: Mapping[str, str], wide: Mapping[str, str]
) -> Iterator[_Raw]:
    """A table with a column for each split: of names, or of flags beside a column of names."""
    known = {'name', 'patient', 'uid'} & set(columns)
    flags = known and all(cells[name].lower() in _FLAGS for cells in rows for name in wide)
    for cells in rows:
        said = {key: cells[name] for key, name in columns.items()}
        splits = [
            (name, split)
            for name, split in wide.items()
            if (_FLAGS[cells[name].lower()] if flags else cells[name])
        ]
        for name, split in splits:
            yield '', split, said if flags else {'name': cells[name]}
        if flags and not splits:
            yield '', '', said


def _columns(head: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Of :data:`HEADINGS` -> the heading that is it."""
    folded = {fold(name): name for name in reversed(list(head)) if name}
    found = {
        key: next(folded[heading] for heading in headings if heading in folded)
        for key, headings in HEADINGS.items()
        if not folded.keys().isdisjoint(headings)
    }
    return found | dict(given)


def _named(columns: Mapping[str, str], cells: Mapping[str, str]) -> str:
    """The split of a row; a bare number says that it is a fold."""
    split = cells['split']
    return f'fold {split}' if fold(columns['split']) == 'fold' and split.isdecimal() else split


def _of_list(path: Path) -> Iterator[_Raw]:
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f'{path}: not a text file ({error})', 'a name a line, UTF-8') from error
    for line in lines:
        name = re.split(r'[,;\t]', line.strip())[0].strip()
        first = name.split(' ')[0]
        if image_suffix(first):  # followed by the mask or a class
            name = first
        if name and not name.startswith('#'):
            yield '', _own_split(path), {'name': name}


def _of_json(path: Path, options: Options) -> Iterator[_Raw]:
    try:
        found = json.loads(path.read_text(encoding='utf-8-sig'))
    except (OSError, ValueError) as error:
        raise DataFileError(f'{path}: not JSON ({error})', remedy='Check the file') from error
    folds = found if isinstance(found, list) else [found]
    if all(isinstance(fold_, dict) for fold_ in folds):
        lists = [
            (f'fold {number}' if isinstance(found, list) else '', key, items)
            for number, fold_ in enumerate(folds)
            for key, items in fold_.items()
            if isinstance(items, list) and (fold(key) in ROLES or role_in(key))
        ]
        if lists:
            for group, key, items in lists:
                split = key if fold(key) in ROLES else role_in(key)
                for item in items:
                    yield group, *_of_item(item, split, path, options)
            return
        if isinstance(found, list):  # a table as JSON
            for item in folds:
                split, cells = _of_item(item, '', path, options)
                yield '', split or _own_split(path), cells
            return
    raise DataFileError(
        f'{path}: no list of images of a split in it',
        'a list of {"train": […], "val": […]} as nnU-Net writes it, or {"training": […], …} as MONAI',
    )


def _of_item(item: Any, split: str, path: Path, options: Options) -> tuple[str, Mapping[str, str]]:
    """Split and cells of one image of a JSON file; a key ``fold`` says more than the list it is in."""
    if isinstance(item, str):
        return split, {'name': item}
    if not isinstance(item, dict):
        raise DataFileError(f'{path}: {item!r} in a split', 'a name, or an object with "image"')
    texts = {key: _text_of(value) for key, value in item.items()}
    columns = _columns(texts, options.columns)
    cells = {key: texts.get(name, '') for key, name in columns.items()}
    if not {'name', 'patient', 'uid'} & set(columns):
        raise DataFileError(
            f'{path}: no image among the keys {", ".join(item)}', '"image"', _REMEDY
        )
    return (_named(columns, cells) if cells.get('split') else split), cells


def _text_of(value: Any) -> str:
    """A value of JSON; of several channels of an image the first."""
    while isinstance(value, Sequence) and not isinstance(value, str) and value:
        value = value[0]
    return value.strip() if isinstance(value, str) else '' if value in (None, []) else str(value)
