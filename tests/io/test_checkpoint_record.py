"""The record inside a checkpoint: read as it was written, ignored by others, and never trusted."""

import math
import zipfile

import pytest
import torch
from mmengine.runner import CheckpointLoader
from records import RECORD, change_record, replace_record, save

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.checkpoint_record import MEMBER, ONNX_KEY, read_record, record_text
from mmseg_mammo.io.onnx.metadata import pack_metadata


def test_it_is_read_as_it_was_written(tmp_path):
    settings = {
        'scale': (224, 224),
        'steps': [{'a': ((1, 2.5), [None, True])}],
        'levels': {0: 'zero', 1: ('one',)},
        'limit': math.inf,
        'text': 'µm',
    }
    found = read_record(save(tmp_path / 'a.pth', RECORD | {'config': settings}))
    assert found['config'] == settings
    assert {k: v for k, v in found.items() if k != 'config'} == {
        k: v for k, v in RECORD.items() if k != 'config'
    }
    assert isinstance(found['input']['size'], tuple)


def test_a_number_that_is_none_stays_one_in_the_config_alone(tmp_path):
    nan = math.nan
    record = RECORD | {'config': {'a': nan}, 'best_score': {'dice': nan}}
    found = read_record(save(tmp_path / 'a.pth', record))
    assert math.isnan(found['config']['a'])
    assert found['best_score'] == {'dice': None}


def test_torch_and_mmengine_read_the_file_as_without(tmp_path):
    path = save(tmp_path / 'a.pth')
    for found in (
        torch.load(path, weights_only=True),
        torch.load(path, weights_only=False),
        torch.load(str(path), weights_only=True, mmap=True),
        CheckpointLoader.load_checkpoint(str(path), map_location='cpu'),
    ):
        assert set(found) == {'meta', 'state_dict'}
        assert found['state_dict']['w'].tolist() == [0, 1, 2, 3, 4, 5]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        folders = {name.partition('/')[0] for name in archive.namelist()}
    assert len(folders) == 1  # torch refuses others


def test_of_other_programs_there_is_none(tmp_path):
    assert read_record(save(tmp_path / 'a.pth', None)) is None


def test_what_is_no_checkpoint_is_named(tmp_path):
    whole = save(tmp_path / 'whole.pth')
    (tmp_path / 'empty.pth').touch()
    (tmp_path / 'cut.pth').write_bytes(whole.read_bytes()[:-200])
    torch.save({'w': 1}, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    (tmp_path / 'folder.pth').mkdir()
    for name, said in (
        ('absent', 'No such file or directory'),
        ('folder', 'Is a directory'),
        ('empty', 'an empty file'),
        ('cut', 'not a complete'),
        ('old', 'a bare pickle'),
    ):
        with pytest.raises(DataFileError, match=rf'{name}\.pth: {said}') as caught:
            read_record(tmp_path / f'{name}.pth')
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('', 'its record is damaged'),
        ('{"format": 1', 'its record is damaged'),
        ('[1]', 'not a JSON object'),
        ('{}', 'format is'),
        (b'\xff\xfe{', 'its record is damaged'),
        ('[' * 100_000, 'its record is damaged'),
        ('{"(tuple)": 3}', 'its record is damaged'),
        ('{"(number)": "x"}', 'its record is damaged'),
        ('{"(items)": [[1]]}', 'its record is damaged'),
        ('{"(items)": [[["a"], 1]]}', 'its record is damaged'),
    ],
)
def test_a_record_of_another_form_is_damaged(text, said, tmp_path):
    path = replace_record(save(tmp_path / 'a.pth'), tmp_path / 'b.pth', text)
    with pytest.raises(DataFileError, match=f'b.pth: .*{said}') as caught:
        read_record(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'config': None}, 'config is'),
        ({'name': 3}, 'name is'),
        ({'trained_only': 'no'}, 'trained_only is'),
        ({'base': {}}, 'base is'),
        ({'base': [{'file': 'a'}]}, 'base is incomplete'),
        ({'format': 2}, 'of a later version of mmseg_mammo.*Update mmseg_mammo'),
    ],
)
def test_fields_that_others_rely_on_are_checked(changes, said, tmp_path):
    path = change_record(save(tmp_path / 'a.pth'), tmp_path / 'b.pth', **changes)
    with pytest.raises(DataFileError, match=f'b.pth: .*{said}'):
        read_record(path)


def test_a_record_that_would_fill_the_memory_is_not_read(tmp_path):
    path = tmp_path / 'a.pth'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f'archive/{MEMBER}', b' ' * (2**26 + 1))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataFileError, match='its record is too large'):
        read_record(path)


def test_changed_bytes_are_noticed(tmp_path):
    path = save(tmp_path / 'a.pth')
    path.write_bytes(path.read_bytes().replace(b'"unet_cbis"', b'"unet_zgt_"'))
    with pytest.raises(DataFileError, match=r'a\.pth: not a complete checkpoint \(Bad CRC-32'):
        read_record(path)


def test_an_onnx_file_has_its_record_in_its_metadata(tmp_path):
    path = tmp_path / 'a.onnx'
    path.write_bytes(b'\x08\x08' + pack_metadata({ONNX_KEY: record_text(RECORD)}))
    assert read_record(path) == read_record(save(tmp_path / 'a.pth'))
    path.write_bytes(b'\x08\x08')
    assert read_record(path) is None
    path.write_bytes(b'\x08\x08' + pack_metadata({ONNX_KEY: '{'}))
    with pytest.raises(DataFileError, match=r'a\.onnx: its record is damaged'):
        read_record(path)
