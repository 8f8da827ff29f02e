import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from mmseg_mammo.io.pixel_cache import chain as module
from mmseg_mammo.io.pixel_cache.chain import Chain, put, takes
from mmseg_mammo.io.pixel_cache.place import FILES, chains
from mmseg_mammo.io.pixel_cache.rights import Rights


def chain_in(folder):
    (folder / 'index.csv').write_text('')
    return Chain(folder / 'chain', Rights(folder / 'index.csv'))


def test_many_that_open_at_once_agree_on_slots_and_room(tmp_path):
    def work(number):
        chain = chain_in(tmp_path)
        names = [f'{(number + shift) % 20}.png' for shift in range(20)]
        slots, writable = chain.open(names, ['steps'])
        chain.claim_room(100 + number)
        return slots, writable, chain.room()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))

    assert all(one == found[0] for one in found)
    assert sorted(found[0][0].values()) == list(range(20))
    assert found[0][1]


@pytest.mark.parametrize('holes', [True, False])
def test_slots_that_are_mostly_holes_ask_for_a_disk_that_leaves_them_out(
    tmp_path, monkeypatch, holes
):
    chain, room = chain_in(tmp_path), 8 * 1024**2
    chain.open(['a'], ['steps'])
    if not holes:  # as exFAT does
        monkeypatch.setattr(
            module, 'put', lambda file, data, place: put(file, b' ' * place + data, 0)
        )

    assert chain.claim_room(room, mostly_holes=True) == holes

    monkeypatch.undo()
    assert chain_in(tmp_path).claim_room(room, mostly_holes=True) == holes  # not tried again
    assert chain.room() == (room if holes else 0)
    file = chain.open_slots()
    assert takes(file) < 100_000
    os.close(file)


def test_a_closed_chain_gives_what_is_there(tmp_path, monkeypatch):
    chain = chain_in(tmp_path)
    chain.open(['a'], [])
    os.close(chain.open_slots())

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(Rights, 'open_file', refuse)

    assert chain.open(['a', 'b'], []) == ({'a': 0}, False)
    file = chain.open_slots()
    assert file >= 0
    os.close(file)


def test_damaged_description_means_no_room(tmp_path):
    chain = chain_in(tmp_path)
    chain.open(['a'], [])
    (tmp_path / 'chain' / 'chain.json').write_text('{"room"')

    assert chain.room() == 0


def test_all_is_written_where_the_system_takes_parts(tmp_path, monkeypatch):
    path = tmp_path / 'file'
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    write = os.pwrite
    monkeypatch.setattr(os, 'pwrite', lambda f, data, place: write(f, data[:3], place))
    put(file, b'0123456789', 2)
    os.close(file)

    assert path.read_bytes() == b'\0\x000123456789'


def test_version_control_and_backups_leave_it_alone(tmp_path):
    chain = chain_in(tmp_path)
    chain.open(['a'], [])
    os.close(chain.open_slots())

    assert (chain.path / '.gitignore').read_text() == '*\n'
    assert (chain.path / 'CACHEDIR.TAG').read_text().startswith('Signature: 8a477f597d28d172')
    assert {path.name for path in chain.path.iterdir()} <= set(FILES)
    assert chains(tmp_path) == [chain.path]
