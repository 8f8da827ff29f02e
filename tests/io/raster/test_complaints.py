"""Lines that a library writes to standard error, past Python."""

import os
import re
import threading

import pytest

from mmseg_mammo.io.raster.complaints import listen

DAMAGE = re.compile(rb'Corrupt')


def say(*lines):
    """A call that writes as a C library does, and returns 7."""

    def call():
        for line in lines:
            os.write(2, line)
        return 7

    return call


@pytest.mark.parametrize(
    ('lines', 'heard', 'passed_on'),
    [
        ((), False, ''),
        ((b'Corrupt JPEG data\n',), True, ''),
        ((b'Corrupt',), True, ''),  # without an end
        ((b'another\n',), False, 'another\n'),
        ((b'one\n', b'Corrupt\n', b'two\n'), True, 'one\ntwo\n'),
        ((b'not Corrupt\n',), False, 'not Corrupt\n'),  # in the middle of a line
    ],
)
def test_a_complaint_is_heard_and_other_lines_are_passed_on(lines, heard, passed_on, capfd):
    assert listen(say(*lines), DAMAGE) == (7, heard)
    assert capfd.readouterr().err == passed_on


def test_standard_error_is_itself_again_after_a_call_that_fails(capfd):
    def fail():
        os.write(2, b'Corrupt\nelse\n')
        raise KeyError

    with pytest.raises(KeyError):
        listen(fail, DAMAGE)
    os.write(2, b'after\n')
    assert capfd.readouterr().err == 'else\nafter\n'
    assert listen(say(), DAMAGE) == (7, False)  # the lock is free


def test_threads_hear_their_own_complaints_only(capfd):
    found = {}
    start = threading.Barrier(4)

    def work(number):
        start.wait()
        line = b'Corrupt\n' if number % 2 else b'fine\n'
        found[number] = [listen(say(line), DAMAGE)[1] for _ in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [bool(number % 2)] * 20 for number in range(4)}
    assert capfd.readouterr().err == 'fine\n' * 40


@pytest.mark.parametrize('closed', [(2,), (0, 2)])  # the temporary file may take the place
def test_a_daemon_without_standard_error_stays_without_one(closed, capfd):
    saved = {number: os.dup(number) for number in closed}
    for number in closed:
        os.close(number)
    try:
        found = listen(say(b'Corrupt\n', b'else\n'), DAMAGE)
        with pytest.raises(OSError, match='Bad file descriptor'):
            os.fstat(2)
    finally:
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)
    assert found == (7, True)
    assert capfd.readouterr().err == ''


def lowest_free():
    number = os.dup(1)
    os.close(number)
    return number


def test_no_descriptor_is_left_open():
    before = lowest_free()
    for _ in range(3):
        listen(say(b'Corrupt\n'), DAMAGE)
    assert lowest_free() == before
