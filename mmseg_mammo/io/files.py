"""Files: atomic writing, and reading and writing of JSON."""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
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
        with os.fdopen(handle, 'wb') as stream:
            write(stream)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp is private; a shared data folder is not
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as hexadecimal digits; it is read in pieces."""
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
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
