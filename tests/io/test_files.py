"""Files written whole or not at all, and JSON."""

import gc
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.files import (
    link_atomic,
    read_json,
    remove_partials,
    replace_nan,
    sha256,
    uncollected,
    write_atomic,
    write_json,
    write_once,
)


def test_an_exception_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def fail(stream):
        stream.write(b'half of the n')
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_atomic(path, fail)
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt']
    assert path.read_text() == 'old'


def test_written_files_have_the_permissions_of_any_other(tmp_path):
    write_atomic(tmp_path / 'a', lambda stream: stream.write(b'x'))
    (tmp_path / 'b').write_bytes(b'x')
    assert (tmp_path / 'a').stat().st_mode == (tmp_path / 'b').stat().st_mode


def test_json_has_no_nan():
    assert replace_nan({'a': {'b': float('nan')}, 'c': 1.5}) == {'a': {'b': None}, 'c': 1.5}


def test_json_comes_back_with_null_for_what_json_lacks(tmp_path):
    path = tmp_path / 'new' / 'too' / 'a.json'
    write_json(path, {'é': [float('inf'), 1.5], 'path': tmp_path, 'pair': (1, float('nan'))})
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == read_json(path)
    assert read_json(path) == {'é': [None, 1.5], 'path': str(tmp_path), 'pair': [1, None]}
    assert path.read_text().startswith('{\n  "')
    assert path.read_text().endswith('}\n')


@pytest.mark.parametrize(
    ('text', 'said'),
    [(None, 'No such file'), ('{"a": ', r'not JSON \(.*line 1'), ('[1]', 'not a JSON object')],
)
def test_a_file_that_holds_no_json_object_is_named_with_the_remedy(text, said, tmp_path):
    path = tmp_path / 'run.json'
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataFileError, match=rf'run\.json: {said}.*Test again'):
        read_json(path, 'Test again')


def test_what_a_killed_process_left_is_removed_and_what_another_one_writes_is_not(tmp_path):
    (tmp_path / 'below').mkdir()
    for name in ('.partial-a', 'below/.partial-b', 'whole'):
        (tmp_path / name).touch()
    os.utime(tmp_path / '.partial-a', (50, 50))
    os.utime(tmp_path / 'below' / '.partial-b', (150, 150))
    remove_partials(tmp_path, before=100)
    assert not (tmp_path / '.partial-a').exists()
    assert (tmp_path / 'below' / '.partial-b').exists()
    assert (tmp_path / 'whole').exists()


def refuse_links(*_):
    raise OSError('no links here')


@pytest.mark.parametrize('links', [True, False])
def test_a_second_name_follows_the_file_that_it_is_given(links, tmp_path, monkeypatch):
    if not links:
        monkeypatch.setattr(Path, 'hardlink_to', refuse_links)
    name = tmp_path / 'best.pth'
    for text in ('one', 'two'):
        (tmp_path / text).write_text(text)
        for _ in range(2):  # again changes nothing
            link_atomic(tmp_path / text, name)
        assert name.read_text() == text
        assert name.samefile(tmp_path / text) == links
    (tmp_path / 'two').unlink()
    assert name.read_text() == 'two'
    assert {path.name for path in tmp_path.iterdir()} == {'one', 'best.pth'}


def test_a_copy_that_ends_halfway_leaves_the_file_before_it(tmp_path, monkeypatch):
    (tmp_path / 'new').write_text('new')
    name = tmp_path / 'best.pth'
    name.write_text('old')

    def fail(source, stream):
        stream.write(b'n')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'hardlink_to', refuse_links)
    monkeypatch.setattr(shutil, 'copyfileobj', fail)
    with pytest.raises(OSError, match='No space left'):
        link_atomic(tmp_path / 'new', name)
    assert name.read_text() == 'old'
    assert {path.name for path in tmp_path.iterdir()} == {'new', 'best.pth'}


def test_a_hash_follows_its_file(tmp_path):
    path = tmp_path / 'a'
    assert sha256(path) is None
    for content in (b'a' * 3_000_000, b'b', b''):
        path.write_bytes(content)
        assert sha256(path) == sha256(path) == hashlib.sha256(content).hexdigest()


def test_garbage_is_looked_for_again_afterwards_also_after_an_error():
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            with pytest.raises(ZeroDivisionError), uncollected():
                assert not gc.isenabled()
                raise ZeroDivisionError
            assert gc.isenabled() == enabled
        finally:
            gc.enable()


@pytest.mark.parametrize('links', [True, False])
def test_what_is_there_is_not_written_again(links, tmp_path, monkeypatch):
    if not links:
        monkeypatch.setattr(Path, 'hardlink_to', lambda *_: (_ for _ in ()).throw(OSError))
    path = tmp_path / 'new' / 'a.txt'
    write_once(path, b'first')
    write_once(path, b'second')
    assert path.read_bytes() == b'first'
    assert [one.name for one in path.parent.iterdir()] == ['a.txt']
