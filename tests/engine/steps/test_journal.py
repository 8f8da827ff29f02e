"""Journal: what is finished is told, also to other processes."""

import threading

import pytest

from mmseg_mammo.engine.steps.journal import Journal
from mmseg_mammo.errors import MammoError


def test_a_step_is_finished_with_its_facts_and_others_are_kept(tmp_path):
    journal = Journal(tmp_path, 'two_stage.json')
    assert journal.facts('finder') is None  # not begun
    journal.begin(resume=False)
    assert journal.facts('finder') is None
    journal.finish('finder', {'sha256': 'a'})
    journal.finish('candidates', {'hits': 3})
    assert Journal(tmp_path, 'two_stage.json').facts('finder') == {'sha256': 'a'}
    assert Journal(tmp_path, 'two_stage.json').facts('candidates') == {'hits': 3}


def test_another_training_is_not_overwritten(tmp_path):
    Journal(tmp_path, 'two_stage.json').begin(resume=False)
    with pytest.raises(MammoError, match=r'would be overwritten.*--resume'):
        Journal(tmp_path, 'two_stage.json').begin(resume=False)


def test_going_on_keeps_what_is_finished(tmp_path):
    journal = Journal(tmp_path, 'two_stage.json')
    journal.begin(resume=True)
    journal.finish('finder', {'sha256': 'a'})
    Journal(tmp_path, 'two_stage.json').begin(resume=True)
    assert journal.facts('finder') == {'sha256': 'a'}


def test_a_step_that_was_done_with_other_settings_is_not_gone_on_with(tmp_path):
    journal = Journal(tmp_path, 'two_stage.json')
    journal.begin(resume=False, asked={'count': 5, 'target': 'a'})
    journal.finish('finder', {'sha256': 'a'})
    journal.finish('candidates', {'asked': {'count': 5}})
    Journal(tmp_path, 'two_stage.json').begin(resume=True, asked={'count': 5, 'target': 'b'})
    with pytest.raises(MammoError, match=r'begun otherwise \(candidates\): count is 8, was 5'):
        Journal(tmp_path, 'two_stage.json').begin(resume=True, asked={'count': 8, 'target': 'a'})


def test_of_another_file_its_hash_is_not_told(tmp_path):
    journal = Journal(tmp_path, 'few.json')
    journal.begin(resume=False)
    journal.finish('divided', {'asked': {'start': 'a' * 64}})
    with pytest.raises(MammoError, match=r': start is another one\.'):
        journal.begin(resume=True, asked={'start': 'b' * 64})


def test_who_waits_sees_what_another_finishes(tmp_path):
    journal = Journal(tmp_path, 'two_stage.json')
    found = []
    waiting = threading.Thread(
        target=lambda: found.append(Journal(tmp_path, 'two_stage.json').wait_for('joined'))
    )
    waiting.start()
    journal.begin(resume=False)
    journal.finish('joined', {'checkpoint': 'best.pth'})
    waiting.join(timeout=30)
    assert found == [{'checkpoint': 'best.pth'}]
