"""Place: the folder of a cache, how large it is, and its removal.

Layout: ``FOLDER/CHAIN/`` with the files of :data:`FILES`; a chain is a data set's images by one sequence
of steps. The folder itself may be one of the user with whatever else in it: nothing is written into it
but chains, and nothing else is removed from it.
"""

import contextlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.pixel_cache.rights import Rights

FOLDER = 'cache'
CHAIN = 'chain.json'  # what the steps are
NAMES, SLOTS, LOCK = 'names.txt', 'slots.bin', 'lock'
_TAG = 'CACHEDIR.TAG'
# So that backups, version control and walks through folders of images leave a chain alone.
TAGS = {
    '.gitignore': '*\n',
    _TAG: 'Signature: 8a477f597d28d172789f06886806bc55\n'
    '# Made by mmseg_mammo from the images; mammoseg cache --clear removes it.\n',
}
# All that is ever in a chain; the tags by which it is known are removed last.
FILES = (SLOTS, NAMES, LOCK, f'{CHAIN}.new', CHAIN, *TAGS)
_IN_MEMORY = ('tmpfs', 'ramfs')
_NAME_ONE = 'Name a folder: --cache-dir DIR, or none to decode every image each time'
_FACTORS = {'': 1, 'K': 10**3, 'M': 10**6, 'G': 10**9, 'T': 10**12}


def find_folder(index: Path, asked: str | Path | None = None) -> Path:
    """The folder for the cache of a data set, there and ready.

    Args:
        index: Of the data set.
        asked: By the user; None: beside the index, or in the temporary folder where that is closed.

    Raises:
        MammoError: The folder that was asked for cannot be written to. None was asked for, and the data
            or the temporary folder lie in memory, which a training needs itself.
    """
    rights = Rights(index)
    if asked is not None:
        folder = Path(asked)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _prepare(folder, rights)
        except OSError as error:
            raise MammoError(
                f'--cache-dir {folder}: {error.strerror}',
                'a folder that can be written to, or none',
            ) from error
        return folder
    beside = index.absolute().parent / FOLDER
    _refuse_memory(beside.parent, index)
    try:
        _prepare(beside, rights)
    except OSError:
        if chains(beside):  # somebody else's, to be read
            return beside
        return _temporary(index, rights)
    return beside


def temporary_folder(index: Path) -> Path:
    """The folder of this user alone in the temporary one, for an index in a closed folder."""
    top = Path(tempfile.gettempdir()) / f'mammoseg-cache-{os.getuid()}'
    name = re.sub(r'\W+', '-', str(index.resolve().parent)).strip('-')[-120:]
    return top / (name or 'root')


def _temporary(index: Path, rights: Rights) -> Path:
    folder = temporary_folder(index)
    top = folder.parent
    _refuse_memory(top.parent, index)
    try:
        top.mkdir(mode=0o700, exist_ok=True)
        found = top.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(1, 'not a folder of this user', str(top))
        _prepare(folder, rights)
    except OSError as error:
        raise MammoError(
            f'{top}: {error.strerror}: no place for the cache of {index}',
            remedy=_NAME_ONE,
        ) from error
    return folder


def _prepare(folder: Path, rights: Rights) -> None:
    """Make a cache folder, and see that it can be written to."""
    rights.make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, 'Permission denied', str(folder))


def _refuse_memory(folder: Path, index: Path) -> None:
    if in_memory(folder):
        raise MammoError(
            f'{folder} is in memory: no place for the cache of {index}', remedy=_NAME_ONE
        )


def in_memory(folder: Path, mounts: Path = Path('/proc/self/mountinfo')) -> bool:
    """Whether a folder is of a file system that takes its room from the memory of the machine.

    Args:
        folder: One that exists.
        mounts: What Linux says of file systems; where it says nothing, none is in memory.
    """
    device = folder.stat().st_dev
    number = f'{os.major(device)}:{os.minor(device)}'
    try:
        lines = mounts.read_text(errors='replace').splitlines()
    except OSError:
        return False
    # Number, parent, device, …, "-", type, …
    found = [line.split(' - ', 1) for line in lines if line.split()[2:3] == [number]]
    return any(rest[0].split()[0] in _IN_MEMORY for _, *rest in found if rest)


def chains(folder: Path) -> list[Path]:
    """The chains in a cache folder; none where there is none."""
    found = sorted(path.parent for path in folder.glob(f'*/{CHAIN}'))
    return [chain for chain in found if (chain / _TAG).is_file()]


def used_bytes(folder: Path) -> int:
    """What a cache folder takes of the disk; the holes in its files take nothing."""
    total = 0
    for chain in chains(folder):
        for file in chain.iterdir():
            with contextlib.suppress(OSError):  # removed since
                total += file.stat().st_blocks * 512
    return total


def clear(folder: Path) -> int:
    """Remove the chains of a cache folder, and itself if nothing else is in it; no other file.

    A process that reads them keeps the files that it has opened.

    Returns:
        The bytes of the disk that are free again.

    Raises:
        MammoError: One cannot be removed.
    """
    freed = used_bytes(folder)
    try:
        found = chains(folder)
        for chain in found:
            for name in FILES:
                (chain / name).unlink(missing_ok=True)
        for emptied in (*found, folder):
            if not any(emptied.iterdir()):
                emptied.rmdir()
    except OSError as error:
        raise MammoError(f'{error.filename}: not removed ({error.strerror})') from error
    return freed


def default_limit(folder: Path) -> int:
    """Half of what the disk would have free without the cache, in bytes."""
    return (shutil.disk_usage(folder).free + used_bytes(folder)) // 2


def read_size(text: str | int) -> int:
    """Bytes of a text such as ``50GB``, ``200 MB`` or ``0.5T``; decimal, and ``GiB`` binary.

    Raises:
        MammoError: It is no size, or negative.

    >>> read_size('50GB'), read_size('1.5 MiB'), read_size(4096)
    (50000000000, 1572864, 4096)
    """
    found = re.fullmatch(r'(\d+(?:\.\d+)?) ?([KMGT]?)(I?)B?', str(text).strip().upper())
    if not found or (found[3] and not found[2]):
        raise MammoError(f'cache limit {text!r}', 'a size such as 50GB, 500MB or 1TB')
    exponent = ' KMGT'.index(found[2]) if found[2] else 0
    return int(float(found[1]) * (1024**exponent if found[3] else _FACTORS[found[2]]))


def size_text(count: float) -> str:
    """Bytes for people.

    >>> size_text(210_000_000_000), size_text(1_500)
    ('210 GB', '1.5 KB')
    """
    for unit in ('B', 'KB', 'MB', 'GB'):
        if count < 1000:
            return f'{count:.3g} {unit}'
        count /= 1000
    return f'{count:.4g} TB'
