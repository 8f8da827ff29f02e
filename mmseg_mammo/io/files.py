"""Files: atomic writing, hashes, and reading and writing of JSON."""

import contextlib
import gc
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from mmseg_mammo.errors import DataFileError

PARTIAL_PREFIX = '.partial-'


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write(stream)`` on a temporary neighbour of ``path``, then rename it into place.

    A killed process leaves either the old file, the new file, or none; never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL_PREFIX, dir=path.parent)
    try:
        with os.fdopen(handle, 'w+b') as stream:
            write(stream)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp is private; a shared data folder is not
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_once(path: Path, data: bytes) -> None:
    """Write a file unless it is there: of several processes at once, one writes it, and whole.

    Args:
        path: The file; its folder is made.
        data: What it holds.
    """
    whole = path.with_name(f'{PARTIAL_PREFIX}{path.name}-{os.getpid()}-{os.urandom(4).hex()}')
    write_atomic(whole, lambda stream: stream.write(data))
    try:
        path.hardlink_to(whole)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def link_atomic(source: Path, name: Path) -> None:
    """Let ``name`` be the file ``source`` too: a hard link, or a copy where links are not possible.

    What had the name before keeps it until the new file is whole.

    Args:
        source: A file that is never changed in place.
        name: In a folder that exists.
    """
    if name.exists() and name.samefile(source):
        return
    handle, partial = tempfile.mkstemp(prefix=PARTIAL_PREFIX, dir=name.parent)
    os.close(handle)
    try:
        Path(partial).unlink()
        Path(partial).hardlink_to(source)
        Path(partial).replace(name)
    except OSError:  # a file system without links, or with few of them
        with source.open('rb') as whole:
            write_atomic(name, lambda stream: shutil.copyfileobj(whole, stream))
    finally:
        Path(partial).unlink(missing_ok=True)


def remove_partials(folder: Path, before: float) -> None:
    """Remove what :func:`write_atomic` of a killed process left below a folder.

    Args:
        folder: Searched with its subfolders.
        before: Seconds since the epoch; what was changed later may be of a running process.
    """
    for left in folder.rglob(f'{PARTIAL_PREFIX}*'):
        with contextlib.suppress(FileNotFoundError):  # renamed into place since
            if left.stat().st_mtime < before:
                left.unlink()


def sha256(path: Path) -> str | None:
    """The hash of a file as hexadecimal digits; None if it is not here.

    A gigabyte takes seconds: the file is read again only if its size or time has changed.
    """
    if not path.is_file():
        return None
    stat = path.stat()
    return _digest(path.absolute(), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, time: int) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: Path, remedy: str = '') -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        remedy: What a user can do where it cannot be read.

    Raises:
        DataFileError: It is missing, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise DataFileError(f'{path}: {error.strerror}', remedy=remedy) from error
    except ValueError as error:
        raise DataFileError(f'{path}: not JSON ({error})', remedy=remedy) from error
    if not isinstance(found, dict):
        raise DataFileError(f'{path}: not a JSON object', remedy=remedy)
    return found


def write_json(path: Path, value: Mapping[str, Any], indent: int = 2) -> None:
    """Write a JSON object atomically: null for NaN and infinities, texts for what JSON lacks."""
    text = json.dumps(replace_nan(value), indent=indent, allow_nan=False, default=str) + '\n'
    write_atomic(path, lambda stream: stream.write(text.encode()))


def replace_nan(value: Any) -> Any:
    """A copy of ``value`` in which null replaces every number that JSON does not have."""
    if isinstance(value, Mapping):
        return {key: replace_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [replace_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """No search for garbage inside: of many objects that stay, Python would look at all anew."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
