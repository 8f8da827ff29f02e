"""Record of a checkpoint: what it is and where it comes from, as JSON inside of its file.

The files of ``torch.save`` are ZIP archives; the record is one more member of them. torch,
MMEngine and MMSegmentation do not look at it, and it is read without any of them.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.files import replace_nan

MEMBER = 'mmseg_mammo.json'
FORMAT = 1  # to be raised when a field changes its meaning
_TUPLE = '(tuple)'  # JSON has lists only, and some settings of the host are read as one value


def add_record(stream: IO[bytes], record: Mapping[str, Any]) -> None:
    """Add a record to a checkpoint that has just been written.

    Args:
        stream: The file, for reading and writing.
        record: JSON values, and tuples; NaN becomes null, and what JSON lacks a text.
    """
    text = json.dumps(replace_nan(_mark_tuples(record)), indent=1, allow_nan=False, default=str)
    with zipfile.ZipFile(stream, 'a') as archive:
        folder = archive.namelist()[0].partition('/')[
            0
        ]  # torch wants all members in its one folder
        archive.writestr(f'{folder}/{MEMBER}', text)


def read_record(path: Path) -> dict[str, Any] | None:
    """Read the record of a checkpoint; None if it has none, as of other programs.

    Raises:
        DataFileError: The file is missing, incomplete, or its record is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = [name for name in archive.namelist() if name.endswith(f'/{MEMBER}')]
            return _restore_tuples(json.loads(archive.read(found[0]))) if found else None
    except OSError as error:
        raise DataFileError(f'{path}: {error.strerror}', remedy='Check the path') from error
    except (zipfile.BadZipFile, ValueError) as error:
        raise DataFileError(
            f'{path}: not a complete checkpoint ({error})',
            'a file that mmengine saved',
            'Copy it again and compare its size',
        ) from error


def _mark_tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _mark_tuples(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [_mark_tuples(item) for item in value]}
    if isinstance(value, list):
        return [_mark_tuples(item) for item in value]
    return value


def _restore_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_TUPLE}:
            return tuple(_restore_tuples(item) for item in value[_TUPLE])
        return {key: _restore_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore_tuples(item) for item in value]
    return value
