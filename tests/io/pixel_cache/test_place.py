import stat

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.pixel_cache import place
from mmseg_mammo.io.pixel_cache.chain import Chain
from mmseg_mammo.io.pixel_cache.place import (
    CHAIN,
    SLOTS,
    chains,
    clear,
    default_limit,
    find_folder,
    in_memory,
    read_size,
    size_text,
    used_bytes,
)
from mmseg_mammo.io.pixel_cache.rights import Rights


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


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
    Chain(folder / 'chain', Rights(index)).open(['a'], [])
    (folder / 'chain' / SLOTS).write_bytes(bytes(range(256)) * 64)
    (folder / 'other').mkdir()
    (folder / 'other' / CHAIN).write_text('{"of": "another program"}')
    used = used_bytes(folder)

    assert clear(folder) == used >= 256 * 64
    assert [path.name for path in folder.iterdir()] == ['other']
    (folder / 'other' / CHAIN).unlink()
    (folder / 'other').rmdir()
    assert clear(folder) == 0
    assert not folder.exists()


def test_clearing_leaves_what_somebody_put_into_a_chain(index):
    folder = find_folder(index)
    Chain(folder / 'chain', Rights(index)).open(['a'], [])
    (folder / 'chain' / 'notes.txt').write_text('mine')
    clear(folder)

    assert [path.name for path in folder.rglob('*')] == ['chain', 'notes.txt']
    assert chains(folder) == []


def test_a_folder_with_other_things_in_it_gets_nothing_but_chains(index, tmp_path):
    work = tmp_path / 'work'
    work.mkdir()
    (work / 'thesis.tex').write_text('')
    folder = find_folder(index, work)
    Chain(folder / 'chain', Rights(index)).open(['a'], [])

    assert {path.name for path in work.iterdir()} == {'thesis.tex', 'chain'}
    clear(folder)
    assert [path.name for path in work.iterdir()] == ['thesis.tex']


@pytest.mark.parametrize('closed', [False, True])
def test_no_folder_in_memory_that_was_not_asked_for(index, tmp_path, monkeypatch, closed):
    temporary = tmp_path / 'tmp'
    temporary.mkdir()
    monkeypatch.setattr(place.tempfile, 'gettempdir', lambda: str(temporary))
    memory = temporary if closed else index.parent
    monkeypatch.setattr(place, 'in_memory', lambda folder: folder == memory)
    if closed:
        (index.parent / 'cache').write_text('a file of the user')

    with pytest.raises(MammoError, match=r'in memory.*--cache-dir'):
        find_folder(index)
    assert find_folder(index, memory / 'asked').is_dir()
    assert not [*temporary.glob('mammoseg*')]


def test_what_is_in_memory(tmp_path):
    device = tmp_path.stat().st_dev
    number = f'{place.os.major(device)}:{place.os.minor(device)}'
    mounts = tmp_path / 'mountinfo'

    def said(kind, of=number):
        mounts.write_text(
            f'20 1 0:99 / /x rw - tmpfs none rw\n21 1 {of} / /y rw shared:1 - {kind} d rw'
        )
        return in_memory(tmp_path, mounts)

    assert said('tmpfs')
    assert said('ramfs')
    assert not said('ext4')
    assert not said('tmpfs', '0:98')
    assert not in_memory(tmp_path, tmp_path / 'none')


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
