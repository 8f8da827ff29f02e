"""Silence lasts as long as any thread asks for it, and ends with the last."""

import logging
import threading
import warnings

from mmseg_mammo.io.dicom.silence import silence


def test_the_thread_that_leaves_first_lets_no_other_be_heard(recwarn):
    logger = logging.getLogger('highdicom')
    before = logger.level, list(warnings.filters)
    inside, left = threading.Event(), threading.Event()

    def overlapping():
        with silence():
            inside.set()
            left.wait(10)
            warnings.warn('of the second', stacklevel=1)

    other = threading.Thread(target=overlapping)
    with silence():
        other.start()
        inside.wait(10)
    assert logger.level == logging.CRITICAL
    left.set()
    other.join()
    assert [str(warning.message) for warning in recwarn] == []
    assert (logger.level, list(warnings.filters)) == before


def test_an_error_ends_it_too():
    before = list(warnings.filters)
    try:
        with silence():
            raise ValueError
    except ValueError:
        pass
    assert list(warnings.filters) == before
