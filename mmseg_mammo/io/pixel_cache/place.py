"""Place: the folder of a cache, who may read it, how large it is, and its removal.

Layout: ``FOLDER/CHAIN/`` with ``chain.json`` (what the steps are), ``names.txt``, ``slots.bin`` and
``lock``; a chain is a data set's images by one sequence of steps.
"""

import contextlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from mmseg_mammo.errors import MammoError

FOLDER = 'cache'
CHAIN = 'chain.json'
# So that backups, version control and walks through folders of images leave it alone.
_TAG = 'CACHEDIR.TAG'
_TAG_TEXT = (
    'Signature: 8a477f597d28d172789f06886806bc55\n'
    '# Made by mmseg_mammo from the images; mammoseg cache --clear removes it.\n'
)
_IGNORE = '.gitignore'
_FACTORS = {'': 1, 'K': 10**3, 'M': 10**6, 'G': 10**9, 'T': 10**12}


class Rights:
    """Who may read and write a cache: who may read and write the data that it is made from.

    Args:
        data: A file of the data, such as its index.
    """

    def __init__(self, data: Path) -> None:
        file, folder = data.stat(), data.absolute().parent.stat()
        self.group = file.st_gid
        self.file = stat.S_IMODE(file.st_mode) & 0o666 | 0o600
        self.folder = stat.S_IMODE(folder.st_mode) & 0o2777 | 0o700

    def make_folder(self, path: Path) -> None:
        """Make a folder, if it is not there; its parents have to be.

        Raises:
            OSError: It cannot be made.
        """
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            return
        self._give(os.open(path, os.O_RDONLY), self.folder, close=True)

    def open_file(self, path: Path) -> int:
        """Open a file to read and write; make it if it is not there.

        Returns:
            Its descriptor.

        Raises:
            OSError: It cannot be opened.
        """
        flags = os.O_RDWR | os.O_CLOEXEC
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags)
        try:
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # of another process, a moment ago
            return os.open(path, flags)
        self._give(file, self.file)
        return file

    def _give(self, file: int, mode: int, close: bool = False) -> None:
        try:
            if os.fstat(file).st_gid != self.group:
                os.fchown(file, -1, self.group)
        except OSError:  # the data are of a group that this user is not in
            mode &= ~0o070
        with contextlib.suppress(OSError):  # file systems without modes
            os.fchmod(file, mode)
        if close:
            os.close(file)


def find_folder(index: Path, asked: str | Path | None = None) -> Path:
    """The folder for the cache of a data set, there and ready.

    Args:
        index: Of the data set.
        asked: By the user; None: beside the index, or in the temporary folder where that is closed.

    Raises:
        MammoError: The folder that was asked for cannot be written to.
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
    try:
        _prepare(beside, rights)
    except OSError:
        if _is_made(beside):  # somebody else's, to be read
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
    try:
        top.mkdir(mode=0o700, exist_ok=True)
        found = top.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(1, 'not a folder of this user', str(top))
        _prepare(folder, rights)
    except OSError as error:
        raise MammoError(
            f'{top}: {error.strerror}: no place for the cache of {index}',
            remedy='Name a folder: --cache-dir DIR, or none to decode every image each time',
        ) from error
    return folder


def _prepare(folder: Path, rights: Rights) -> None:
    """Make a cache folder with its tags, and see that it can be written to."""
    rights.make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, 'Permission denied', str(folder))
    for name, text in ((_TAG, _TAG_TEXT), (_IGNORE, '*\n')):
        if not (folder / name).exists() and (name == _TAG or _is_made(folder)):
            file = rights.open_file(folder / name)
            os.pwrite(file, text.encode(), 0)
            os.close(file)


def _is_made(folder: Path) -> bool:
    return (folder / _TAG).is_file()


def chains(folder: Path) -> list[Path]:
    """The chains in a cache folder; none where there is none."""
    return sorted(path.parent for path in folder.glob(f'*/{CHAIN}'))


def used_bytes(folder: Path) -> int:
    """What a cache folder takes of the disk; the holes in its files take nothing."""
    total = 0
    for chain in chains(folder):
        for file in chain.iterdir():
            with contextlib.suppress(OSError):  # removed since
                total += file.stat().st_blocks * 512
    return total


def clear(folder: Path) -> int:
    """Remove the chains of a cache folder, and itself if nothing else is in it.

    A process that reads them keeps the files that it has opened.

    Returns:
        The bytes of the disk that are free again.

    Raises:
        MammoError: One cannot be removed.
    """
    freed = used_bytes(folder)
    try:
        for chain in chains(folder):
            shutil.rmtree(chain)
        if _is_made(folder) and {p.name for p in folder.iterdir()} <= {_TAG, _IGNORE}:
            shutil.rmtree(folder)
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
