"""A CBIS-DDSM download in any of its layouts -> the files of each series.

The tree is walked once. A series is looked up by its UID (NBIA classic, cloud bucket, Kaggle
JPEG), by the name of the image or abnormality (every NBIA layout), and by NBIA's
``metadata.csv`` where neither is part of the path.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.preparation.cbis_table import IMAGE_NAME, has_column
from mmseg_mammo.preparation.dicom import DICOM_SUFFIXES
from mmseg_mammo.preparation.images import RASTER_SUFFIXES
from mmseg_mammo.preparation.index import read_table
from mmseg_mammo.preparation.walking import walk

LOCATION = 'File Location'  # the column that tells NBIA's metadata.csv
_UID = re.compile(r'\d+(\.\d+){5,}')
_NAMED = re.compile(IMAGE_NAME.pattern + r'(_\d+)?')
# Study and series folders, most specific first; the last five digits are those of the UIDs.
_LAYOUTS = (
    ('L3 NBIA descriptive with -NA-', re.compile(r'-DDSM-NA-\d{5}/')),
    ('L2 NBIA descriptive', re.compile(r'-DDSM-\d{5}/\d+\.\d+-')),
    ('L1 old NBIA', re.compile(r'-DDSM-\d{5}/\d+-')),
    ('L4 NBIA classic', re.compile(rf'(^|/){_NAMED.pattern}/{_UID.pattern}/')),
    ('L6 Kaggle JPEG', re.compile(rf'(^|/){_UID.pattern}/[^/]+\.jpe?g$', re.IGNORECASE)),
    ('L5 cloud bucket', re.compile(rf'(^|/){_UID.pattern}/{_UID.pattern}/')),
)


@dataclass
class Tree:
    """What lies under a raw folder.

    ``files`` maps every UID and every image or abnormality name that is a folder to the
    images below it; paths are relative to ``root``, with forward slashes.
    """

    root: Path
    files: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_folder: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    layouts: Counter[str] = field(default_factory=Counter)
    tables: list[Path] = field(default_factory=list)
    locations: dict[str, str] = field(default_factory=dict)

    def find(self, series: Iterable[str], name: str) -> list[str]:
        """Images of any of ``series``, else of the folder ``name``, else by ``metadata.csv``."""
        series = list(dict.fromkeys(series))
        for keys in (series, [name]):
            found = [path for key in keys for path in self.files.get(key, ())]
            if found:
                return found
        folders = (self.locations[uid] for uid in series if uid in self.locations)
        return [path for folder in folders for path in self.by_folder[folder]]


def scan(root: Path) -> Tree:
    """Walk ``root`` once, symbolic links included, and file every image and CSV.

    Raises:
        DataFileError: ``root`` is not a folder.
    """
    if not root.is_dir():
        raise DataFileError(f'{root}: no such folder', 'the folder of the raw download')
    tree = Tree(root)
    suffixes = DICOM_SUFFIXES + RASTER_SUFFIXES
    for folder, names in walk(root):
        relative = folder.relative_to(root).as_posix()
        for name in names:
            suffix = Path(name).suffix.lower()
            if suffix == '.csv':
                tree.tables.append(folder / name)
            elif suffix in suffixes:
                _file_image(tree, relative, name)
    for table in tree.tables:
        if has_column(table, LOCATION):
            tree.locations.update(_read_locations(table, tree))
    return tree


def _file_image(tree: Tree, folder: str, name: str) -> None:
    path = str(PurePosixPath(folder, name))
    tree.by_folder[folder].append(path)
    keys = [p for p in PurePosixPath(folder).parts if _UID.fullmatch(p) or _NAMED.fullmatch(p)]
    for key in dict.fromkeys(keys):
        tree.files[key].append(path)
    seen = next((title for title, pattern in _LAYOUTS if pattern.search(path)), 'unknown')
    tree.layouts[seen] += 1


def _read_locations(table: Path, tree: Tree) -> dict[str, str]:
    """Series UID -> folder relative to the root.

    NBIA notes the folder as it was on the downloading machine (``./CBIS-DDSM/…``, or with
    backslashes); the part of it that lies below the table is the longest that exists.
    """
    base = table.parent.relative_to(tree.root)
    locations = {}
    for record in read_table(table, ('Series UID', LOCATION)):
        parts = PurePosixPath(record[LOCATION].replace('\\', '/')).parts
        for start in range(len(parts)):
            folder = PurePosixPath(base.as_posix(), *parts[start:]).as_posix()
            if folder in tree.by_folder:
                locations[record['Series UID']] = folder
                break
    return locations
