"""Silence: warnings, and messages that quote a header, are not shown while files are read and written."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_LOGGERS = ('pydicom', 'highdicom')


class _Silence:
    """What the first of several threads switches off, and the last one on again.

    ``warnings.catch_warnings`` and the levels of loggers hold for the whole process: a thread that
    puts back what it found would let another one be heard, or silence everything for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = ExitStack()

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            for name in _LOGGERS:
                logger = logging.getLogger(name)
                self._before.callback(logger.setLevel, logger.level)
                logger.setLevel(logging.CRITICAL)
            self._before.enter_context(warnings.catch_warnings())
            warnings.simplefilter('ignore')

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._before.close()


_SILENCE = _Silence()


@contextmanager
def silence() -> Iterator[None]:
    """No warning of anyone, and no message of pydicom and highdicom, until the last thread has left.

    >>> with silence():
    ...     warnings.warn('PatientName is odd')
    """
    _SILENCE.enter()
    try:
        yield
    finally:
        _SILENCE.leave()
