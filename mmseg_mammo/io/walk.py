"""Folder walk: visits every folder below a root, follows links and raises every error."""

import os
from collections.abc import Iterator
from pathlib import Path

from mmseg_mammo.errors import DataFileError

# What disks, archives and viewers keep for themselves, often closed to everybody but the system.
_SYSTEM = ('$recycle.bin', '__macosx', '@eadir', 'lost+found', 'system volume information')

_CACHE = 'CACHEDIR.TAG'  # of a folder that a program can make anew, such as our pixel cache


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder below ``root`` with the names of its files, sorted; each folder once.

    Links to folders are followed after all real folders, so that a file has its own path wherever
    it has one, and a link back into the tree adds nothing. Links to nothing are among the files.
    Hidden folders, those of the system, and caches (``CACHEDIR.TAG``) are left out.

    Raises:
        DataFileError: A folder cannot be listed: what is in it would be missing unnoticed.
    """
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        start = waiting.pop(0)
        for name, below, files in os.walk(start, onerror=_refuse):
            folder, real = Path(name), os.path.realpath(name)
            below[:] = sorted(name for name in below if real not in seen and not is_system(name))
            if real in seen:
                continue
            seen.add(real)
            if _CACHE in files and folder != root:
                below.clear()
                continue
            waiting += [folder / name for name in below if (folder / name).is_symlink()]
            yield folder, sorted(files)


def is_system(name: str) -> bool:
    """Whether a file or folder is hidden (``._x.png`` of macOS) or one of the system."""
    return name.startswith('.') or name.lower() in _SYSTEM


def _refuse(error: OSError) -> None:
    raise DataFileError(
        f'{error.filename}: {error.strerror}, so that nobody knows what is in this folder',
        'folders that can be listed',
        'Give yourself the right to read it, mount its disk, or move it out',
    ) from error
