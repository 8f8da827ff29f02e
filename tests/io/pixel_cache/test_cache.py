import errno
import os
import pickle

import numpy as np
import pytest

from mmseg_mammo.io.pixel_cache import cache as module
from mmseg_mammo.io.pixel_cache.cache import (
    CHANGED,
    CLEARED,
    CLOSED,
    DISK,
    FULL,
    SOLID,
    UNFIT,
    PixelCache,
)
from mmseg_mammo.io.pixel_cache.chain import Chain
from mmseg_mammo.io.pixel_cache.contents import Source, stamps
from mmseg_mammo.io.pixel_cache.place import clear, find_folder
from mmseg_mammo.io.pixel_cache.rights import Rights
from mmseg_mammo.io.pixel_cache.slots import ANY, FIXED, HEAD_ROOM, Entry

NAMES = ['a.png', 'b.png', 'c.png']
LARGEST = 64 * 48
SETTINGS = {'pixels': LARGEST}


@pytest.fixture(autouse=True, params=[LARGEST, 0], ids=['one size', 'any size'])
def pixels(request, monkeypatch):
    """Every test with both kinds of files."""
    monkeypatch.setitem(SETTINGS, 'pixels', request.param)
    return request.param


@pytest.fixture
def index(tmp_path):
    path = tmp_path / 'index.csv'
    path.write_text('')
    for name in NAMES:
        (tmp_path / name).write_bytes(name.encode())
    return path


def opened(index, names=NAMES, key='chain', limit=None):
    return PixelCache(find_folder(index), key, ['steps'], names, index, limit, **SETTINGS)


def source_of(index, name):
    return Source((str(index.parent / name), None), {'image': name})


def entry(seed, shape=(64, 48), dtype=np.uint16):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, np.iinfo(dtype).max // 16, shape, dtype, endpoint=True)
    mask = (rng.random((90, 70)) > 0.999).astype(np.uint8)
    return Entry({'img_shape': shape, 'seed': seed}, image, mask)


def write(cache, index, number, name, made):
    source = source_of(index, name)
    return cache.write(number, source, stamps(source), made)


def same(one, other):
    return (
        one.values == other.values
        and one.image.dtype == other.image.dtype
        and np.array_equal(one.image, other.image)
        and np.array_equal(one.mask, other.mask)
    )


def test_what_was_written_comes_back_in_this_and_another_process(index):
    cache = opened(index)
    assert cache.read(0, source_of(index, 'a.png')) is None
    made = [entry(0), entry(1, dtype=np.uint8), entry(2, (30, 20))]
    for number, name in enumerate(NAMES):
        assert write(cache, index, number, name, made[number]) == ''

    for one in (cache, pickle.loads(pickle.dumps(cache)), opened(index)):
        for number, name in enumerate(NAMES):
            assert same(one.read(number, source_of(index, name)), made[number])


def test_images_that_are_added_leave_the_others(index):
    write(opened(index, ['b.png']), index, 0, 'b.png', entry(7))

    cache = opened(index, ['c.png', 'b.png', 'a.png'])

    assert same(cache.read(1, source_of(index, 'b.png')), entry(7))
    assert cache.read(0, source_of(index, 'c.png')) is None


def test_an_image_that_changes_is_made_anew(index):
    cache = opened(index)
    write(cache, index, 0, 'a.png', entry(0))
    (index.parent / 'a.png').write_bytes(b'other')

    assert opened(index).read(0, source_of(index, 'a.png')) is None
    write(cache, index, 0, 'a.png', entry(5))
    assert same(opened(index).read(0, source_of(index, 'a.png')), entry(5))


def test_a_new_time_is_noted_and_the_content_read_once(index, monkeypatch):
    write(opened(index), index, 0, 'a.png', entry(0))
    os.utime(index.parent / 'a.png', ns=(5, 5))

    assert same(opened(index).read(0, source_of(index, 'a.png')), entry(0))
    monkeypatch.setattr('mmseg_mammo.io.pixel_cache.contents.digests', None)
    assert same(opened(index).read(0, source_of(index, 'a.png')), entry(0))


@pytest.mark.parametrize('place', [5, 30, None])
def test_damage_is_noticed_at_the_first_touch(index, pixels, place):
    if place is None:
        place = (FIXED if pixels else ANY).head + 100
    write(opened(index), index, 0, 'a.png', entry(0))
    with (index.parent / 'cache' / 'chain' / 'slots.bin').open('r+b') as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))

    assert opened(index).read(0, source_of(index, 'a.png')) is None


def test_a_kill_between_image_and_head_leaves_no_entry(index, monkeypatch):
    cache = opened(index)
    write(cache, index, 0, 'a.png', entry(0))
    put, calls = module.put, []

    def killed(file, data, place):
        calls.append(place)
        if len(calls) == 3:
            raise KeyboardInterrupt
        put(file, data, place)

    monkeypatch.setattr(module, 'put', killed)
    with pytest.raises(KeyboardInterrupt):
        write(cache, index, 0, 'a.png', entry(1))

    assert opened(index).read(0, source_of(index, 'a.png')) is None


def test_a_file_cut_short_is_noticed(index):
    write(opened(index), index, 0, 'a.png', entry(0))
    os.truncate(index.parent / 'cache' / 'chain' / 'slots.bin', HEAD_ROOM + 50)

    assert opened(index).read(0, source_of(index, 'a.png')) is None


def test_a_full_disk_ends_the_writing_and_not_the_reading(index, monkeypatch):
    cache = opened(index)
    write(cache, index, 0, 'a.png', entry(0))

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'pwrite', full)

    assert write(cache, index, 1, 'b.png', entry(1)) == DISK
    assert cache.closed == DISK
    assert same(cache.read(0, source_of(index, 'a.png')), entry(0))
    assert cache.read(1, source_of(index, 'b.png')) is None


def test_the_limit_counts_all_chains_of_the_folder(index):
    other = opened(index, key='other')
    write(other, index, 0, 'a.png', entry(0, (300, 300)))

    cache = opened(index, limit=60_000)

    assert write(cache, index, 0, 'a.png', entry(0)) == FULL
    assert write(opened(index, limit=10**6), index, 0, 'a.png', entry(0)) == ''


def test_the_limit_is_reached_while_writing(index):
    cache = opened(index, limit=30_000)
    found = [write(cache, index, n, name, entry(n)) for n, name in enumerate(NAMES)]

    assert found[0] == ''
    assert found[-1] == FULL
    assert cache.read(0, source_of(index, 'a.png')) is not None


@pytest.mark.parametrize('pixels', [LARGEST], indirect=True)
def test_larger_images_than_the_steps_give_are_not_kept(index):
    cache = opened(index)
    write(cache, index, 0, 'a.png', entry(0))

    assert write(cache, index, 1, 'b.png', entry(1, (65, 48))) == UNFIT
    assert cache.read(1, source_of(index, 'b.png')) is None


@pytest.mark.parametrize('pixels', [0], indirect=True)
def test_images_of_any_size_take_what_they_need(index):
    cache, place = opened(index), index.parent / 'cache' / 'chain' / 'slots.bin'
    sizes = [(4, 3), (1500, 1200), (900, 1000)]
    taken = [0]
    for number, (name, shape) in enumerate(zip(NAMES, sizes, strict=True)):
        assert write(cache, index, number, name, entry(number, shape)) == ''
        taken.append(place.stat().st_blocks * 512)

    for number, (name, shape) in enumerate(zip(NAMES, sizes, strict=True)):
        assert same(opened(index).read(number, source_of(index, name)), entry(number, shape))
    for before, after, (height, width) in zip(taken, taken[1:], sizes, strict=False):
        assert after - before < 0.85 * 2 * height * width + 3 * 4096


@pytest.mark.parametrize('pixels', [0], indirect=True)
def test_an_image_that_gets_larger_or_smaller_is_made_anew(index):
    for seed, shape in enumerate([(300, 300), (40, 30), (700, 500)]):
        (index.parent / 'a.png').write_bytes(b'0' * (9 + seed))
        cache = opened(index)
        assert cache.read(0, source_of(index, 'a.png')) is None
        write(cache, index, 0, 'a.png', entry(seed, shape))
        assert same(opened(index).read(0, source_of(index, 'a.png')), entry(seed, shape))


@pytest.mark.parametrize('pixels', [0], indirect=True)
def test_a_mask_with_a_long_outline_is_kept(index):
    made = entry(0)._replace(mask=(np.random.default_rng(0).random((600, 600)) > 0.5).view('u1'))
    assert write(opened(index), index, 0, 'a.png', made) == ''
    assert same(opened(index).read(0, source_of(index, 'a.png')), made)


def test_a_slot_beyond_what_a_file_may_be_ends_nothing(index, monkeypatch):
    cache = opened(index)
    write(cache, index, 0, 'a.png', entry(0))

    def refuse(*_):
        raise OSError(errno.EFBIG, 'File too large')

    with monkeypatch.context() as patch:
        patch.setattr(os, 'pwrite', refuse)
        assert write(cache, index, 2, 'c.png', entry(2)) == UNFIT
    assert write(cache, index, 1, 'b.png', entry(1)) == ''


def test_facts_that_are_not_kept_exactly(index):
    source = source_of(index, 'a.png')._replace(facts={'what': {1}})

    assert opened(index).write(0, source, stamps(source), entry(0)) == UNFIT


def test_an_image_that_changes_while_it_is_made_is_not_kept(index):
    source = source_of(index, 'a.png')
    before = stamps(source)
    (index.parent / 'a.png').write_bytes(b'longer than before')

    assert opened(index).write(0, source, before, entry(0)) == CHANGED


def test_a_cleared_cache_is_read_on_and_not_written_on(index):
    cache = opened(index)
    write(cache, index, 0, 'a.png', entry(0))
    clear(find_folder(index))

    assert same(cache.read(0, source_of(index, 'a.png')), entry(0))
    assert write(cache, index, 1, 'b.png', entry(1)) == CLEARED


def test_a_closed_folder_is_read_as_it_is(index, monkeypatch):
    write(opened(index), index, 0, 'a.png', entry(0))

    def refuse(*_):
        raise PermissionError(errno.EACCES, 'Permission denied')

    monkeypatch.setattr(Rights, 'open_file', refuse)
    cache = opened(index)

    assert cache.closed == CLOSED
    assert same(cache.read(0, source_of(index, 'a.png')), entry(0))
    assert write(cache, index, 1, 'b.png', entry(1)) == CLOSED


def test_holes_take_no_room_on_the_disk(index):
    names = [f'{number}.png' for number in range(5000)]
    cache = opened(index, ['a.png', *names, 'b.png'])
    write(cache, index, len(names) + 1, 'b.png', entry(0))
    stat = (index.parent / 'cache' / 'chain' / 'slots.bin').stat()

    assert stat.st_size > 5000 * (64 * 48 * 2 + HEAD_ROOM)
    assert stat.st_blocks * 512 < 64_000


def test_a_disk_that_fills_holes_keeps_images_of_one_size_alone(index, monkeypatch, pixels):
    monkeypatch.setattr(Chain, '_leaves_holes', lambda *_: False)
    cache = opened(index)

    assert write(cache, index, 2, 'c.png', entry(0)) == ('' if pixels else SOLID)
    assert cache.closed == ('' if pixels else SOLID)
    assert (cache.read(2, source_of(index, 'c.png')) is None) == (not pixels)


def test_forked_processes_share_what_was_checked(index):
    cache = opened(index)
    write(cache, index, 0, 'a.png', entry(0))
    child = os.fork()
    if not child:
        os._exit(0 if cache.read(0, source_of(index, 'a.png')) else 1)
    assert os.waitpid(child, 0)[1] == 0

    assert cache._checked[0] == 1


def test_an_entry_that_is_made_anew_while_it_is_read_is_not_read(index, monkeypatch):
    cache, other = opened(index), opened(index)
    write(cache, index, 0, 'a.png', entry(0))
    assert cache.read(0, source_of(index, 'a.png'))
    read, calls = os.preadv, []

    def slow(*given):
        count = read(*given)
        if not calls:
            calls.append(1)
            write(other, index, 0, 'a.png', entry(1))
        return count

    monkeypatch.setattr(os, 'preadv', slow)

    assert cache.read(0, source_of(index, 'a.png')) is None
    assert same(cache.read(0, source_of(index, 'a.png')), entry(1))
