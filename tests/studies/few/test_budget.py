"""Budget: minutes that were spent stay spent, however often a search is interrupted."""

import os
import time

import pytest

from mmseg_mammo.engine.steps.journal import Journal
from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.few.budget import Budget, check_minutes


@pytest.fixture
def journal(tmp_path):
    found = Journal(tmp_path, 'auto.json')
    found.begin(True)
    return found


def spent(budget, **seconds):
    budget.spent = {**seconds}
    return budget


def test_there_is_time_for_one_more_as_long_as_the_longest(journal):
    assert Budget(journal, 0.01).has_time('a', 5)
    budget = spent(Budget(journal, 280 / 60), a=60, b=100)
    assert budget.has_time('c', 5)
    assert not spent(Budget(journal, 280 / 60), a=60, b=101).has_time('c', 5)


def test_of_what_was_begun_it_counts_whether_anything_is_left(journal):
    budget = spent(Budget(journal, 160 / 60), a=60, b=100)
    assert budget.has_time('b', 5)
    assert not spent(budget, a=60, b=101).has_time('b', 5)


def test_seconds_count_on_after_an_interruption(journal, tmp_path):
    budget = Budget(journal, 5)
    with pytest.raises(KeyboardInterrupt), budget.spend('a', tmp_path / 'a'):
        time.sleep(0.15)
        raise KeyboardInterrupt
    again = Budget(journal, 5)
    assert again.spent['a'] >= 0.1
    with again.spend('a', tmp_path / 'a'):
        time.sleep(0.15)
    assert Budget(journal, 5).spent['a'] >= again.spent['a'] >= 0.2


def test_what_was_killed_counts_up_to_its_last_file(journal, tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'step_20.npz').write_bytes(b'')
    os.utime(tmp_path / 'a' / 'step_20.npz', (5100, 5100))
    journal.finish('running', {'name': 'a', 'since': 5000.0, 'folder': 'a'})
    for _ in range(2):  # once
        assert Budget(journal, 5).spent == {'a': 100.0}
    journal.finish('running', {'name': 'b', 'since': 5000.0, 'folder': 'gone'})
    assert Budget(journal, 5).spent == {'a': 100.0, 'b': 0.0}


def test_a_budget_may_grow_and_is_remembered(journal):
    Budget(journal, 2)
    assert Budget(journal, None).seconds == 120
    assert Budget(journal, 3).seconds == 180
    with pytest.raises(
        MammoError, match=r'^--minutes 2: .* was begun with 3\. Allowed: 3, or more'
    ):
        Budget(journal, 2)


def test_without_a_number_it_is_an_hour(journal):
    assert Budget(journal, None).seconds == 3600
    with pytest.raises(MammoError, match='--minutes 0'):
        check_minutes(0)
