"""A pool holds a few jobs at a time, however many there are."""

import os

import pytest
from copy_jobs import host_imports, kill_worker

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.pool import run_pool, usable_cores


class Counted(list):
    """Jobs that tell how many of them were asked for."""

    def __init__(self, jobs):
        super().__init__(jobs)
        self.asked = 0

    def __iter__(self):
        for job in super().__iter__():
            self.asked += 1
            yield job


def test_one_process_does_all_in_order():
    assert list(run_pool([3, 1, 2], str, 1)) == [(3, '3'), (1, '1'), (2, '2')]


@pytest.mark.slow  # processes that import everything
def test_many_jobs_wait_outside_the_pool():
    jobs = Counted(range(100))
    results = run_pool(jobs, abs, 2)
    first, _ = next(results)
    assert jobs.asked < 20
    assert sorted(results) == [(n, n) for n in range(100) if n != first]


@pytest.mark.slow  # processes that import everything
def test_a_killed_worker_is_told_with_a_remedy():
    with pytest.raises(MammoError, match=r'A worker process was killed.*fewer --jobs'):
        list(run_pool([1, 2], kill_worker, 2))


@pytest.mark.slow  # processes
def test_workers_start_without_the_host_that_this_process_has():
    assert [found for _, found in run_pool([1, 2, 3], host_imports, 2)] == [set()] * 3
    assert os.environ['MMSEG_MAMMO_REGISTER'] == '1'


def test_cores_are_those_of_the_allocation(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: {3, 5}, raising=False)
    assert usable_cores() == 2
    monkeypatch.delattr(os, 'sched_getaffinity')
    monkeypatch.setattr(os, 'cpu_count', lambda: None)
    assert usable_cores() == 1
