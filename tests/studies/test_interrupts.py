"""Ctrl-C ends a training between two steps, and is not lost."""

import multiprocessing
import os
import signal

import pytest
from torch.utils.data import DataLoader

from mmseg_mammo.studies.interrupts import Interrupts


def interrupt():
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_waits_for_the_end_of_a_step(capfd):
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts:
        interrupts.after_train_iter(None, 0)
        interrupt()
        for step in (interrupts.after_train_iter, interrupts.after_val_iter):
            with pytest.raises(KeyboardInterrupt):
                step(None, 0)
    assert 'Stopping after this step' in capfd.readouterr().err


def test_a_second_interrupt_does_not_wait():
    reached = []
    with pytest.raises(KeyboardInterrupt), Interrupts():
        for count in (1, 2):
            interrupt()
            reached.append(count)
    assert reached == [1]


def test_the_end_of_the_block_is_an_interrupt_whatever_was_raised():
    error = RuntimeError('DataLoader worker exited unexpectedly')
    for raised in (None, error):
        with pytest.raises(KeyboardInterrupt) as caught, Interrupts():
            interrupt()
            if raised:
                raise raised
        assert caught.value.__cause__ is raised


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match='no memory'), Interrupts():
        raise RuntimeError('no memory')


def test_the_workers_of_a_data_loader_finish_their_step(capfd):
    loader = DataLoader(range(8), num_workers=2, multiprocessing_context='fork')
    seen = []
    with pytest.raises(KeyboardInterrupt), Interrupts():
        for batch in loader:
            if not seen:
                workers = [worker.pid for worker in multiprocessing.active_children()]
                for process in (*workers, os.getpid()):
                    os.kill(process, signal.SIGINT)
            seen += batch.tolist()
    assert len(workers) == 2
    assert seen == list(range(8))
    assert capfd.readouterr().err.count('Stopping') == 1


def test_who_ignores_interrupts_goes_on_ignoring_them_and_the_handler_comes_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts = Interrupts()
        with interrupts:
            interrupt()
        assert not interrupts.seen
    finally:
        signal.signal(signal.SIGINT, before)
