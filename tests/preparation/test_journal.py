"""Journals: what was finished, what failed, and who may write."""

import errno
import fcntl

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.journal import (
    PROGRESS_NAME,
    hold_folder,
    is_failed,
    is_finished,
    journal_entry,
    line_of,
    open_shard_journal,
    read_entries,
    shard_path,
)


def entry(name, out, **record):
    return journal_entry(name, 'print', record, out)


def test_lines_of_the_whole_run_and_of_all_shards_are_read(tmp_path):
    (tmp_path / PROGRESS_NAME).write_bytes(line_of(entry('a', tmp_path, length=1)))
    for number in (0, 1):
        with open_shard_journal(shard_path(tmp_path, number, 2)) as journal:
            journal.write(line_of(entry(str(number), tmp_path, length=1)))
    assert [e['name'] for e in read_entries(tmp_path)] == ['a', '0', '1']


def test_a_cut_line_of_a_killed_shard_counts_for_nothing_and_hides_no_other(tmp_path):
    path = shard_path(tmp_path, 0, 1)
    for name in 'ab':
        with open_shard_journal(path) as journal:
            journal.write(line_of(entry(name, tmp_path, length=1)))
    path.write_bytes(path.read_bytes()[:-5])
    with open_shard_journal(path) as journal:
        journal.write(line_of(entry('c', tmp_path, length=1)))
    assert [e['name'] for e in read_entries(tmp_path)] == ['a', 'c']


def test_an_image_that_failed_is_not_finished(tmp_path):
    bad = entry('a', tmp_path, error='bad')
    assert (is_failed(bad), is_finished(bad, 'print', tmp_path)) == (True, False)
    good = entry('a', tmp_path, length=1)
    assert (is_failed(good), is_finished(good, 'print', tmp_path)) == (False, True)
    assert not is_finished(good, 'other', tmp_path)


@pytest.mark.parametrize(('first', 'second'), [(False, False), (False, True), (True, False)])
def test_a_whole_run_is_alone_in_its_folder(first, second, tmp_path):
    with (
        hold_folder(tmp_path, shared=first),
        pytest.raises(MammoError, match='another process is preparing this folder'),
        hold_folder(tmp_path, shared=second),
    ):
        pass


def test_shards_share_a_folder_and_none_its_journal(tmp_path):
    with (
        hold_folder(tmp_path, shared=True),
        hold_folder(tmp_path, shared=True),
        open_shard_journal(shard_path(tmp_path, 0, 2)),
        open_shard_journal(shard_path(tmp_path, 1, 2)),
        pytest.raises(MammoError, match='another process is making shard 1/2'),
        open_shard_journal(shard_path(tmp_path, 1, 2)),
    ):
        pass


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'flock', refuse)
    with hold_folder(tmp_path), hold_folder(tmp_path):
        pass
