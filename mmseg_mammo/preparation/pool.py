"""Process pool of a preparation: runs jobs in the order of their ends, few of them waiting at a time."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

import cv2

from mmseg_mammo.errors import MammoError

J = TypeVar('J')
R = TypeVar('R')
_REGISTER = 'MMSEG_MAMMO_REGISTER'  # see mmseg_mammo/__init__.py
_AHEAD = 4  # jobs handed over for each process, so that none waits for its next


def run_pool(
    jobs: Sequence[J], attempt: Callable[[J], R], workers: int, preload: str = __name__
) -> Iterator[tuple[J, R]]:
    """Yield each job with its result, in the order of their ends.

    However many jobs there are, only a few of them and of their results are held.

    Args:
        jobs: What to do.
        attempt: Does one. With ``workers > 1`` it must be picklable.
        workers: Processes; 1 runs in this one.
        preload: Module that the processes start with.

    Raises:
        MammoError: A process was killed.
    """
    if workers <= 1 or len(jobs) <= 1:
        yield from ((job, attempt(job)) for job in jobs)
        return
    # Forked from a clean server that imports once: forking this process, in which OpenCV may
    # have started threads, can hang, and spawning would import everything in every worker.
    context = get_context('forkserver')
    context.set_forkserver_preload([preload])
    pool = ProcessPoolExecutor(workers, context, _start_worker)
    waiting, running = iter(jobs), dict[Future[R], J]()
    try:
        with _without_host():
            for job in islice(waiting, _AHEAD * workers):
                running[pool.submit(attempt, job)] = job
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                done = running.pop(future)
                for job in islice(waiting, 1):
                    running[pool.submit(attempt, job)] = job
                yield done, future.result()
    except BrokenProcessPool as error:
        raise MammoError(
            'A worker process was killed, most often because the memory was full',
            remedy='Run the same command again with fewer --jobs; it goes on where it stopped',
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_host() -> Iterator[None]:
    """Let processes that start inside leave out torch, 800 MB in each, which no preparation needs."""
    before = os.environ.get(_REGISTER)
    os.environ[_REGISTER] = '0'
    try:
        yield
    finally:
        del os.environ[_REGISTER]
        if before is not None:
            os.environ[_REGISTER] = before


def usable_cores() -> int:
    """Cores that this process may run on: those of its allocation, where SLURM or a container set one."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends them
    cv2.setNumThreads(1)  # the processes are the parallelism
    Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A killed parent cannot end its workers, which would wait for it for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
