import os
import stat

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.pixel_cache import place
from mmseg_mammo.io.pixel_cache.place import (
    CHAIN,
    Rights,
    clear,
    default_limit,
    find_folder,
    read_size,
    size_text,
    used_bytes,
)


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / 'data'
    folder.mkdir(mode=0o755)
    path = folder / 'index.csv'
    path.write_text('')
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(('folder', 'file'), [(0o700, 0o600), (0o750, 0o640), (0o777, 0o666)])
def test_a_cache_has_the_rights_of_the_data(index, folder, file):
    index.parent.chmod(folder)
    index.chmod(file)

    found = find_folder(index)

    assert found == index.parent / 'cache'
    assert mode(found) == folder
    assert {mode(path) for path in found.iterdir()} == {file}


def test_the_group_is_that_of_the_data_or_has_no_rights(index, monkeypatch):
    index.chmod(0o664)
    asked = []
    monkeypatch.setattr(os, 'fchown', lambda file, user, group: asked.append(group))
    rights = Rights(index)
    rights.group += 1
    os.close(rights.open_file(index.parent / 'one'))

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, 'fchown', refuse)
    os.close(rights.open_file(index.parent / 'two'))

    assert asked == [rights.group]
    assert mode(index.parent / 'one') == 0o664
    assert mode(index.parent / 'two') == 0o604


def test_version_control_and_backups_leave_it_alone(index):
    found = find_folder(index)

    assert (found / '.gitignore').read_text() == '*\n'
    assert (found / 'CACHEDIR.TAG').read_text().startswith('Signature: 8a477f597d28d172')


def test_a_closed_folder_of_data_gives_way_to_the_temporary_one(index, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, 'Permission denied')

    temporary = tmp_path / 'tmp'
    temporary.mkdir()
    monkeypatch.setattr(place.tempfile, 'gettempdir', lambda: str(temporary))
    prepare = place._prepare
    monkeypatch.setattr(
        place, '_prepare', lambda f, r: refuse() if f.name == 'cache' else prepare(f, r)
    )

    found = find_folder(index)

    assert temporary in found.parents
    assert mode(found.parent) == 0o700
    assert find_folder(index) == found
    (found.parent).rename(tmp_path / 'mine')
    (found.parent).symlink_to(tmp_path / 'mine')
    with pytest.raises(MammoError, match='--cache-dir'):
        find_folder(index)


def test_a_folder_that_was_asked_for_has_to_be_one(index, tmp_path):
    assert find_folder(index, tmp_path / 'new' / 'one').is_dir()
    (tmp_path / 'file').write_text('')
    with pytest.raises(MammoError, match='--cache-dir'):
        find_folder(index, tmp_path / 'file' / 'cache')


def test_clearing_removes_chains_and_nothing_else(index):
    folder = find_folder(index)
    (folder / 'chain').mkdir()
    (folder / 'chain' / CHAIN).write_text('{}')
    (folder / 'chain' / 'slots.bin').write_bytes(bytes(range(256)) * 64)
    (folder / 'other').mkdir()
    used = used_bytes(folder)

    assert clear(folder) == used >= 256 * 64
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ['other']
    (folder / 'other').rmdir()
    assert clear(folder) == 0
    assert not folder.exists()


def test_the_default_limit_counts_what_the_cache_has_as_free(index, monkeypatch):
    folder = find_folder(index)
    monkeypatch.setattr(place.shutil, 'disk_usage', lambda _: type('', (), {'free': 600})())
    monkeypatch.setattr(place, 'used_bytes', lambda _: 400)

    assert default_limit(folder) == 500


@pytest.mark.parametrize('text', ['', 'much', '-1', '5 XB', '1iB', '50GBB'])
def test_what_is_no_size(text):
    with pytest.raises(MammoError, match='50GB'):
        read_size(text)


def test_sizes_for_people():
    assert size_text(2e15) == '2000 TB'
    assert read_size('0') == 0
