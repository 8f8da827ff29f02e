"""Hold of a folder among processes."""

import multiprocessing
import os
import signal
import time

from mmseg_mammo.studies.holding import hold

FORK = multiprocessing.get_context('fork')


def holder(folder, seconds):
    """A process that is inside of ``folder`` already, and stays for so long."""
    inside = FORK.Event()

    def stay():
        with hold(folder) as held:
            assert held
            inside.set()
            time.sleep(seconds)

    process = FORK.Process(target=stay, daemon=True)
    process.start()
    assert inside.wait(30)
    return process


def test_another_process_stays_outside_until_the_first_one_ends_or_is_killed(tmp_path):
    process = holder(tmp_path / 'cell', 60)
    with hold(tmp_path / 'cell') as held:
        assert not held
    with hold(tmp_path / 'other') as held:
        assert held
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with hold(tmp_path / 'cell') as held:
        assert held


def test_who_waits_comes_in_when_the_other_has_left(tmp_path):
    process = holder(tmp_path, 0.5)
    begun = time.monotonic()
    with hold(tmp_path, wait=True) as held:
        assert held
        assert time.monotonic() - begun > 0.2
    process.join()
