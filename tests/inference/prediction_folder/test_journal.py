"""The journal of a prediction folder: what a killed or a second process leaves."""

import json
import os

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction_folder.journal import FOLDER, Journal


@pytest.fixture
def journal(tmp_path):
    opened = []

    def make(name='part-0-of-1'):
        opened.append(Journal(tmp_path, name))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def done(key, print_='p'):
    return {'key': key, 'fingerprint': print_, 'score': 0.5}


def test_lines_are_there_again_and_the_last_one_counts(journal):
    first = journal()
    first.append({'key': 'a', 'failed': 'broken'})
    first.append(done('b'))
    assert first.missing(['a', 'b', 'c']) == ['c']
    first.append({**done('a'), 'score': float('nan')})
    first.close()
    again = journal()
    assert again.line('a')['score'] is None
    assert again.is_done('a', 'p')
    assert not again.is_done('a', 'changed')
    assert not again.is_done('c', '')
    again.append({'key': 'a', 'failed': 'gone'})
    assert again.failed == {'a'}
    assert not again.is_done('a', 'p')


def test_a_line_that_was_cut_counts_for_nothing_and_spoils_no_other(journal):
    first = journal()
    first.append(done('a'))
    first.append(done('b'))
    first.close()
    first.path.write_bytes(first.path.read_bytes()[:-9])
    again = journal()
    assert again.missing(['a', 'b']) == ['b']
    again.append(done('c'))
    again.close()
    assert journal().missing(['a', 'b', 'c']) == ['b']


def test_what_another_part_wrote_earlier_does_not_undo_a_later_line(journal, tmp_path):
    """Files are read by name, and runs may be shared in another way than before."""
    earlier, later = journal('part-1-of-2'), journal('part-0-of-1')
    earlier.append({'key': 'a', 'failed': 'the disk was away'})
    later.read()
    assert later.failed == {'a'}
    later.append(done('a'))
    later.read()
    assert later.failed == set()
    assert later.line('a')['score'] == 0.5
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


def test_a_clock_that_is_late_does_not_hide_a_line(journal, monkeypatch):
    earlier, later = journal('part-1-of-2'), journal('part-0-of-1')
    earlier.append({'key': 'a', 'failed': 'the disk was away'})
    later.read()
    monkeypatch.setattr('time.time', lambda: 0.0)
    later.append(done('a'))
    assert later.is_done('a', 'p')


def test_one_process_writes_a_part(journal):
    first = journal()
    with pytest.raises(MammoError, match=r'another process is predicting this part.*--part-id'):
        journal()
    journal('part-1-of-2')
    first.close()
    journal()


def test_a_line_is_on_the_disk_when_it_is_appended(journal):
    opened = journal()
    opened.append(done('a'))
    assert json.loads(opened.path.read_text())['key'] == 'a'


def test_lines_are_seen_by_other_machines_before_those_of_others_are_read(journal, monkeypatch):
    """On a network file system; else two parts that end at once would both find one missing."""
    one, other = journal('part-0-of-2'), journal('part-1-of-2')
    other.append(done('b'))
    done_so_far, real = [], os.fsync

    def synchronise(number):
        done_so_far.append((number, 'b' in one.places))
        real(number)

    monkeypatch.setattr('os.fsync', synchronise)
    one.read()
    assert done_so_far == [(one._stream.fileno(), False)]
    assert 'b' in one.places


def test_a_file_system_without_locks_is_written_to_all_the_same(journal, monkeypatch):
    def refuse(*_):
        raise OSError(38, 'Function not implemented')

    monkeypatch.setattr('fcntl.flock', refuse)
    journal().append(done('a'))
    assert journal().is_done('a', 'p')
