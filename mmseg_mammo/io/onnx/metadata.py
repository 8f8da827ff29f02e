"""Metadata of ONNX files: texts by name, read and written without loading the model.

An ONNX file is one protobuf message (``ModelProto`` of onnx.proto). Each of its fields stands behind
its number and length, so that the weights are passed over, and fields may be added at the end.
"""

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from mmseg_mammo.errors import DataFileError

SUFFIX = '.onnx'
_METADATA, _KEY, _VALUE = 14, 1, 2  # fields of ModelProto, and of StringStringEntryProto
_NUMBER, _BYTES = 0, 2  # wire types
_LARGEST = 2**26  # bytes; more would be no text, but fill the memory


def is_onnx(path: Path) -> bool:
    """Whether a file goes by the name of an ONNX file."""
    return path.suffix.lower() == SUFFIX


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of an ONNX file.

    Raises:
        DataFileError: The file is missing, incomplete, or something else.
    """
    try:
        with path.open('rb') as stream:
            size = os.fstat(stream.fileno()).st_size
            entries = [
                dict(_entry_texts(entry))
                for entry in _read_fields(stream, size, {_METADATA})[_METADATA]
            ]
            return {entry.get(_KEY, ''): entry.get(_VALUE, '') for entry in entries}
    except OSError as error:
        raise DataFileError(
            f'{path}: {error.strerror or error}', remedy='Check the path'
        ) from error
    except ValueError as error:
        raise DataFileError(
            f'{path}: not a complete ONNX file ({error})',
            'a file that mammoseg export wrote',
            'Copy it again and compare its size',
        ) from error


def pack_metadata(entries: Mapping[str, str]) -> bytes:
    """Metadata as bytes that are written behind the others of an ONNX file."""
    packed = b''
    for name, text in entries.items():
        pair = _pack_field(_KEY, name.encode()) + _pack_field(_VALUE, text.encode())
        packed += _pack_field(_METADATA, pair)
    return packed


def _entry_texts(entry: bytes) -> Iterator[tuple[int, str]]:
    found = _read_fields(io.BytesIO(entry), len(entry), {_KEY, _VALUE})
    return ((number, values[-1].decode()) for number, values in found.items() if values)


def _read_fields(stream: IO[bytes], size: int, wanted: set[int]) -> dict[int, list[bytes]]:
    """The contents of those fields of a message that holds nothing but numbers and bytes."""
    found: dict[int, list[bytes]] = {number: [] for number in wanted}
    if not size:
        raise ValueError('it is empty')
    while (place := stream.tell()) < size:
        number, kind = divmod(_read_varint(stream), 8)
        if kind == _NUMBER:
            _read_varint(stream)
            continue
        if kind != _BYTES or not number:
            raise ValueError(f'unknown content at byte {place:,}')
        length = _read_varint(stream)
        if stream.tell() + length > size:
            raise ValueError(f'it ends at byte {size:,}, before its content does')
        if number not in wanted:
            stream.seek(length, os.SEEK_CUR)
        elif length > _LARGEST:
            raise ValueError('its metadata is too large')
        else:
            found[number].append(stream.read(length))
    return found


def _read_varint(stream: IO[bytes]) -> int:
    value = 0
    for shift in range(0, 70, 7):  # groups of 7 bits, the lowest first
        byte = stream.read(1)
        if not byte:
            raise ValueError('it ends within a number')
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError('a number of more than ten bytes')


def _pack_field(number: int, content: bytes) -> bytes:
    length, size = len(content), b''
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number * 8 + _BYTES]) + size + bytes([length]) + content
