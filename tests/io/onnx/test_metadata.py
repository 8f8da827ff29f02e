"""Metadata of ONNX files: read back as written, also beside weights, and a cut file is told."""

import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.onnx import metadata
from mmseg_mammo.io.onnx.metadata import is_onnx, pack_metadata, read_metadata

IR_VERSION = b'\x08\x08'
GRAPH = b'\x3a\xac\x02' + bytes(300)  # field 7, 300 bytes
ENTRIES = {'name': 'µ' * 200, 'empty': '', 'threshold': '0.5'}


def write(folder, content, name='a.onnx'):
    path = folder / name
    path.write_bytes(content)
    return path


def test_it_is_read_back_wherever_it_stands(tmp_path):
    packed = pack_metadata(ENTRIES)
    for content in (IR_VERSION + GRAPH + packed, packed + IR_VERSION + GRAPH):
        assert read_metadata(write(tmp_path, content)) == ENTRIES
    assert read_metadata(write(tmp_path, IR_VERSION + GRAPH)) == {}


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'', 'it is empty'),
        (IR_VERSION + GRAPH[:-1], r'it ends at byte 304, before its content does'),
        (IR_VERSION + b'\x3a\xac', 'it ends within a number'),
        (b'\xff' * 20, 'a number of more than ten bytes'),
        (b'PK\x03\x04', 'unknown content at byte 2'),
        (IR_VERSION + b'\x72\xff\xff\xff\x7f', 'before its content does'),
    ],
)
def test_what_is_no_whole_file_is_refused(content, reason, tmp_path):
    with pytest.raises(DataFileError, match=rf'a\.onnx: not a complete ONNX file \(.*{reason}'):
        read_metadata(write(tmp_path, content))


def test_what_is_too_long_for_a_text_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, '_LARGEST', 1000)
    assert read_metadata(write(tmp_path, pack_metadata({'name': 'µ' * 400})))
    with pytest.raises(DataFileError, match='its metadata is too large'):
        read_metadata(write(tmp_path, pack_metadata({'name': 'µ' * 500})))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / 'absent.onnx', tmp_path):
        with pytest.raises(DataFileError, match=path.name):
            read_metadata(path)


def test_a_file_is_known_by_its_name(tmp_path):
    assert is_onnx(tmp_path / 'A.ONNX')
    assert not is_onnx(tmp_path / 'onnx')
