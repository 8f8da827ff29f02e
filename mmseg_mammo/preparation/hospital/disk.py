"""Disk lookups: find what lies where a hospital names a file; no file name makes them fail."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.image import FORMATS, image_suffix, is_image
from mmseg_mammo.io.raster.kinds import READ, unread_kind
from mmseg_mammo.io.walk import is_system, walk
from mmseg_mammo.preparation.hospital.names import nfc
from mmseg_mammo.preparation.output import OPTIONS_NAME

# What lies beside pictures and is none; anything else that cannot be read may be one.
_BESIDE = (
    *('.txt', '.md', '.csv', '.tsv', '.xls', '.xlsx', '.ods', '.doc', '.docx', '.pdf', '.rtf'),
    *('.xml', '.json', '.yaml', '.yml', '.html', '.htm', '.log', '.ini', '.inf', '.cfg', '.db'),
    *('.lnk', '.url', '.py', '.sh', '.bat', '.exe', '.md5', '.sha256'),
)
_HEAD = 4096  # bytes that tell a format
_BESIDE_NAMES = ('readme', 'license', 'licence', 'dicomdir', 'version', 'lockfile', 'makefile')


@dataclass
class Found:
    """What lies below a folder, sorted.

    ``images`` are of a known kind; ``others`` may be images, but are of another kind, links to
    nothing, or empty folders named like an image; ``beside`` is no image.
    """

    images: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)


def find_images(root: Path) -> Found:
    """Look through ``root``; hidden files, and folders that this tool prepared, are left out.

    Raises:
        DataIndexError: ``root`` is no folder, or holds no image.
    """
    if not root.is_dir():
        raise DataIndexError(f'{root}: no such folder', remedy='Check the path')
    found = Found()
    prepared: set[Path] = set()
    for folder, names in walk(root):
        if folder.parent in prepared or (OPTIONS_NAME in names and folder != root):
            prepared.add(folder)
            continue
        paths = [folder / name for name in names if not is_system(name)]
        for path in paths:
            _sort_in(path, found)
        if all(is_beside(path) for path in paths) and not _has_folders(folder):
            (found.others if image_suffix(folder.name) else found.beside).append(folder)
    if not found.images:
        raise DataIndexError(f'{root}: no image in it', FORMATS)
    return Found(sorted(found.images), sorted(found.others), sorted(found.beside))


def is_beside(path: Path) -> bool:
    """Whether a file is of a kind that lies beside images."""
    return path.suffix.lower() in _BESIDE or path.name.lower() in _BESIDE_NAMES


def place_of(path: Path) -> Path:
    """The path with links of its folders resolved: a link lies where it is."""
    return Path(resolve_links(path.parent), path.name)


def _sort_in(path: Path, found: Found) -> None:
    if is_beside(path):
        found.beside.append(path)
    elif not fault_of(path) and is_image(path):
        found.images.append(path)
    else:
        found.others.append(path)


def _has_folders(folder: Path) -> bool:
    return any(path.is_dir() and not is_system(path.name) for path in folder.iterdir())


def resolve_links(path: Path) -> str:
    """The path with every link resolved; a loop of links leaves it unchanged."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # a cell that no file can be called
        return str(path)


def list_names(folder: str) -> list[str]:
    """Names in a folder; none if it cannot be listed."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 (names as they are)
    except (OSError, ValueError):
        return []


def find_file(path: Path, names: Callable[[str], list[str]] = list_names) -> Path:
    """``path``, or its twin whose letters are composed in another way (NFC, NFD).

    Args:
        path: Absolute.
        names: :func:`list_names`, or a cache of it.
    """
    if str(path).isascii() or os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.parts[1:]:
        same = [part]
        if not os.path.lexists(found / part):
            same = [name for name in names(str(found)) if nfc(name) == nfc(part)]
        if len(same) != 1:
            return path
        found /= same[0]
    return found


def fault_of(path: Path) -> str:
    """The reason why ``path`` is not a file that can be opened; empty if it is one."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            return f'is a link to {path.readlink()}, which does not exist'
        return f'does not exist{_other_case(path)}'
    except (OSError, ValueError) as error:
        return f'cannot be reached ({getattr(error, "strerror", "") or error})'
    if stat.S_ISDIR(mode):
        return 'is a folder'
    return '' if stat.S_ISREG(mode) else 'is no file'


def why_no_image(path: Path) -> str:
    """What a file is that is not taken for an image: its fault, or its format; of unknown ones too."""
    if fault := fault_of(path):
        return fault
    try:
        with path.open('rb') as stream:
            kind = unread_kind(stream.read(_HEAD))
    except OSError as error:
        return f'cannot be read ({error.strerror})'
    return f'is {kind}, not {READ}' if kind else 'is no image of a known kind'


def _other_case(path: Path) -> str:
    wanted = nfc(path.name).casefold()
    try:
        names = _names_at(str(path.parent), path.parent.stat().st_mtime_ns)
    except OSError:
        return ''
    return f', but {names[wanted]} does' if wanted in names else ''


@lru_cache(maxsize=1)
def _names_at(folder: str, _: int) -> dict[str, str]:
    return {nfc(name).casefold(): name for name in list_names(folder)}
