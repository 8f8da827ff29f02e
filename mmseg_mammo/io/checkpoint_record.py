"""Record of a checkpoint: what it is and where it comes from, as JSON inside of its file.

The files of ``torch.save`` are ZIP archives; the record is one more member of them. torch,
MMEngine and MMSegmentation do not look at it, and it is read without any of them. In an exported
ONNX file it is one of the metadata.
"""

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.checkpoint_file import CHECKPOINTS, fault_of_file
from mmseg_mammo.io.files import replace_nan
from mmseg_mammo.io.onnx.metadata import is_onnx, read_metadata

MEMBER = 'mmseg_mammo.json'
ONNX_KEY = 'mmseg_mammo'  # of the metadata
# A key of a record, and of run.json of a test: how the presence threshold was chosen.
PRESENCE = 'presence'
# A key of the record of a two-stage model: what its stages are, and what was chosen on validation.
STAGES = 'stages'
STAGE_NAMES = ('finder', 'refiner')
# A key of the record of a model of folds, and of run.json of its test: how many there are.
FOLDS = 'folds'
# A key of the record of a tuned checkpoint: its start, and what folds say of both.
FEW = 'few'
FORMAT = 1  # to be raised when a field changes its meaning
_LARGEST = 2**26  # bytes; more would be no record, but fill the memory
# What JSON lacks and settings of a config may be: tuples, numbers that are none, keys of other types.
_TUPLE, _NUMBER, _ITEMS = '(tuple)', '(number)', '(items)'
_NEEDED = {'format': int, 'config': dict, 'name': str, 'base': list, 'trained_only': bool}

_OF_BASE = ('role', 'file', 'sha256')


def add_record(stream: IO[bytes], record: Mapping[str, Any]) -> None:
    """Add a record to a checkpoint that has just been written.

    Args:
        stream: The file, for reading and writing.
        record: See :func:`record_text`.
    """
    text = record_text(record)
    with zipfile.ZipFile(stream, 'a') as archive:
        # torch wants all members in its one folder
        folder = archive.namelist()[0].partition('/')[0]
        archive.writestr(f'{folder}/{MEMBER}', text)


def record_text(record: Mapping[str, Any]) -> str:
    """A record as JSON.

    Args:
        record: JSON values, and tuples; what JSON lacks becomes a text. NaN becomes null, but in
            ``config``, which is read again as it was.
    """
    found = replace_nan({key: _mark(value) for key, value in record.items() if key != 'config'})
    if 'config' in record:
        found['config'] = _mark(record['config'], numbers=True)
    return json.dumps(found, indent=1, allow_nan=False, default=str)


def read_record(path: Path) -> dict[str, Any] | None:
    """Read the record of a checkpoint or ONNX file; None if it has none, as of other programs.

    Raises:
        DataFileError: The file is missing, incomplete, or neither; or its record is damaged, or of
            a later version.
    """
    try:
        text = read_metadata(path).get(ONNX_KEY) if is_onnx(path) else _read_member(path)
        if text is None:
            return None
        record = _restore(json.loads(text))
    except DataFileError:
        raise
    except OSError as error:
        raise DataFileError(
            f'{path}: {error.strerror or error}', remedy='Check the path'
        ) from error
    except zipfile.BadZipFile as error:
        what, remedy = fault_of_file(path) or (f'not a complete checkpoint ({error})', '')
        raise DataFileError(f'{path}: {what}', CHECKPOINTS, remedy) from error
    except (ValueError, TypeError, RecursionError, RuntimeError, zlib.error) as error:
        raise _damaged(path, str(error)) from error
    _check_fields(record, path)
    return record


def _read_member(path: Path) -> bytes | None:
    with zipfile.ZipFile(path) as archive:
        found = [each for each in archive.infolist() if each.filename.endswith(f'/{MEMBER}')]
        if not found:
            return None
        if found[0].file_size > _LARGEST:
            raise ValueError('its record is too large')
        return archive.read(found[0])


def _check_fields(record: Any, path: Path) -> None:
    if not isinstance(record, dict):
        raise _damaged(path, 'not a JSON object')
    for name, kind in _NEEDED.items():
        if not isinstance(record.get(name), kind):
            raise _damaged(path, f'{name} is {str(record.get(name))[:40]!r}')
    if not all(isinstance(base, dict) and {*_OF_BASE} <= base.keys() for base in record['base']):
        raise _damaged(path, 'base is incomplete')
    if record['format'] > FORMAT:
        raise DataFileError(
            f'{path}: its record is of format {record["format"]}, of a later version of mmseg_mammo',
            f'formats up to {FORMAT}',
            'Update mmseg_mammo',
        )


def _damaged(path: Path, why: str) -> DataFileError:
    return DataFileError(
        f'{path}: its record is damaged ({why[:100]})', remedy='Copy the file again'
    )


def _mark(value: Any, numbers: bool = False) -> Any:
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _mark(item, numbers) for key, item in value.items()}
        return {_ITEMS: [[_mark(one, numbers) for one in item] for item in value.items()]}
    if isinstance(value, (list, tuple)):
        found = [_mark(item, numbers) for item in value]
        return {_TUPLE: found} if isinstance(value, tuple) else found
    if numbers and isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: str(value)}
    return value


def _restore(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_TUPLE}:
            return tuple(_restore(item) for item in value[_TUPLE])
        if value.keys() == {_NUMBER}:
            return float(value[_NUMBER])
        if value.keys() == {_ITEMS}:
            return {_restore(key): _restore(item) for key, item in value[_ITEMS]}
        return {key: _restore(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore(item) for item in value]
    return value
