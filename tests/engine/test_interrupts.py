"""Ctrl-C ends what it was meant to end, also where Python loses it."""

import signal

import pytest

from mmseg_mammo.engine.interrupts import Interrupts

# An exception in __del__ is dropped, which pytest reports as a warning.
pytestmark = pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')


class Dying:
    """Is interrupted while it is deleted, as a data loader that shuts its workers down."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_a_lost_interrupt_is_raised_at_the_next_step_and_at_the_end():
    interrupts, steps = Interrupts(), []
    with pytest.raises(KeyboardInterrupt):
        with interrupts:
            interrupts.after_train_iter(None, 0)
            Dying()
            steps.append('the interrupt is lost')
            for step in (interrupts.after_train_iter, interrupts.after_val_iter):
                with pytest.raises(KeyboardInterrupt):
                    step(None, 0)
        steps.append('the end of the block did not raise')
    assert steps == ['the interrupt is lost']


def test_an_interrupt_is_raised_at_once():
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGINT)
        pytest.fail('it went on')


def test_an_error_in_the_wake_of_an_interrupt_is_an_interrupt():
    error = RuntimeError('DataLoader worker exited unexpectedly')
    with pytest.raises(KeyboardInterrupt) as caught, Interrupts():
        Dying()
        raise error
    assert caught.value.__cause__ is error


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match='no memory'), Interrupts():
        raise RuntimeError('no memory')


def test_who_ignores_interrupts_goes_on_ignoring_them_and_the_handler_comes_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts = Interrupts()
        with interrupts:
            signal.raise_signal(signal.SIGINT)
        assert not interrupts.seen
    finally:
        signal.signal(signal.SIGINT, before)
