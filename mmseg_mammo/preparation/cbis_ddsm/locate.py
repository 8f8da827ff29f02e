"""File locator of CBIS-DDSM: finds the files of each series in any layout of the download.

The tree is walked once. A series is looked up by its UID (NBIA classic, cloud bucket, Kaggle
JPEG), by the name of the image or abnormality (every NBIA layout), and by NBIA's
``metadata.csv``. Files that none of these places are left to ``headers``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.dicom.reader import DICOM_SUFFIXES, is_dicom
from mmseg_mammo.io.image import RASTER_SUFFIXES
from mmseg_mammo.io.table import read_table
from mmseg_mammo.io.walk import is_system, walk
from mmseg_mammo.preparation.cbis_ddsm.table import NAME, UID, has_column

LOCATION = 'File Location'  # the column that tells NBIA's metadata.csv
SERIES = 'SeriesInstanceUID'  # and that of the JPEG mirror's dicom_info.csv
UNKNOWN = 'no known layout'
ARCHIVES = ('.zip', '.tar', '.gz', '.tgz', '.bz2', '.xz', '.7z', '.rar')
# Study and series folders, most specific first; the last five digits are those of the UIDs.
_LAYOUTS = (
    ('L3 NBIA descriptive with -NA-', re.compile(r'-DDSM-NA-\d{5}/')),
    ('L2 NBIA descriptive', re.compile(r'-DDSM-\d{5}/\d+\.\d+-')),
    ('L1 old NBIA', re.compile(r'-DDSM-\d{5}/\d+-')),
    ('L4 NBIA classic', re.compile(rf'(^|/){NAME.pattern}/{UID.pattern}/')),
    ('L6 Kaggle JPEG', re.compile(rf'(^|/){UID.pattern}/[^/]+\.jpe?g$', re.IGNORECASE)),
    ('L5 cloud bucket', re.compile(rf'(^|/){UID.pattern}/{UID.pattern}/')),
)


@dataclass
class Tree:
    """What lies under a raw folder.

    ``files`` maps every UID in a path, and every image or abnormality name that is a folder or
    the stem of a picture, to the images there; paths are relative to ``root``, with forward
    slashes. ``dicoms`` are those of them that have a header; ``archives`` counts packed files,
    and ``unreadable`` lists tables that cannot be opened: neither is used.
    """

    root: Path
    files: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_folder: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    layouts: Counter[str] = field(default_factory=Counter)
    tables: list[Path] = field(default_factory=list)
    locations: dict[str, str] = field(default_factory=dict)
    dicoms: list[str] = field(default_factory=list)
    archives: int = 0
    unreadable: list[str] = field(default_factory=list)

    def find(self, series: Iterable[str], name: str) -> list[str]:
        """Images of any of ``series`` and of ``name``, in every place that has some; each once.

        A download may have come in several layouts, one of them incomplete.
        """
        series = list(dict.fromkeys(series))
        found = [path for key in (*series, name) for path in self.files.get(key, ())]
        return list(dict.fromkeys((*found, *self.find_by_metadata(series))))

    def find_by_metadata(self, series: Iterable[str]) -> list[str]:
        """Images of any of ``series`` by ``metadata.csv``."""
        folders = (self.locations[uid] for uid in series if uid in self.locations)
        return [path for folder in folders for path in self.by_folder.get(folder, ())]


def scan(root: Path) -> Tree:
    """Walk ``root`` once, symbolic links included, and file every image and CSV.

    Raises:
        DataFileError: ``root`` is not a folder.
    """
    if not root.is_dir():
        raise DataFileError(f'{root}: no such folder', 'the folder of the raw download')
    tree = Tree(root)
    for folder, names in walk(root):
        relative = folder.relative_to(root).as_posix()
        for name in names:
            suffix = Path(name).suffix.lower()
            if is_system(name):  # ._1-1.dcm is no image
                continue
            if suffix == '.csv':
                _file_table(tree, folder / name)
            elif suffix in ARCHIVES:
                tree.archives += 1
            elif suffix in RASTER_SUFFIXES:
                _file_image(tree, relative, name)
            elif suffix in DICOM_SUFFIXES or (
                (folder / name).is_file() and is_dicom(folder / name)
            ):
                tree.dicoms.append(_file_image(tree, relative, name))
    for table in tree.tables:
        if has_column(table, LOCATION):
            tree.locations.update(_read_locations(table, tree))
        elif has_column(table, SERIES):
            _name_series(table, tree)
    return tree


def _file_table(tree: Tree, path: Path) -> None:
    try:
        has_column(path, '')
        tree.tables.append(path)
    except OSError as error:
        tree.unreadable.append(f'{path} ({error.strerror})')


def _file_image(tree: Tree, folder: str, name: str) -> str:
    path = PurePosixPath(folder, name)
    relative = str(path)
    tree.by_folder[folder].append(relative)
    # A header tells more than the name of its own file; a picture has nothing else.
    named = path.with_suffix('') if path.suffix.lower() in RASTER_SUFFIXES else path.parent
    names = [part for part in named.parts if NAME.fullmatch(part)]
    for key in (*dict.fromkeys(UID.findall(relative)), *names[-1:]):
        tree.files[key].append(relative)
    seen = next((title for title, pattern in _LAYOUTS if pattern.search(relative)), UNKNOWN)
    tree.layouts[seen] += 1
    return relative


def _read_locations(table: Path, tree: Tree) -> dict[str, str]:
    """Series UID -> folder relative to the root.

    NBIA notes the folder as it was on the downloading machine (``./CBIS-DDSM/…``, or with
    backslashes); the part of it that lies below the table is the longest that exists. A folder
    of several series tells nothing of its files.
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
    shared = Counter(locations.values())
    return {uid: folder for uid, folder in locations.items() if shared[folder] == 1}


def _name_series(table: Path, tree: Tree) -> None:
    """File each series under the name that a table of headers gives it, too."""
    try:
        records = read_table(table, (SERIES, 'PatientID'))
    except DataIndexError:  # some other table
        return
    named = {(record['PatientID'], record[SERIES]) for record in records}
    for name, uid in sorted(named):
        if NAME.fullmatch(name):
            tree.files[name] += tree.files.get(uid, [])
