"""Progress of a long step: a bar on a terminal, or lines with the time left in a log: an early one, and every tenth."""

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

from tqdm import tqdm

T = TypeVar('T')
_FIRST_LINE = 10.0  # seconds, after which a log says how long it will take


def show_progress(
    items: Iterable[T], total: int, title: str, unit: str = 'image', done: int = 0
) -> Iterator[T]:
    """Yield ``items``, and report on standard error how many have been done.

    Args:
        items: What is left to do; each counts when the next is asked for.
        total: How many there are, with those done before.
        title: What is done.
        unit: What is counted.
        done: How many were done before.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, title, total, initial=done, unit=unit)
        return
    start, before, silent = time.monotonic(), done, True
    for item in items:
        yield item
        done += 1
        spent = time.monotonic() - start
        tenth = done * 10 // total > (done - 1) * 10 // total
        if tenth or (silent and spent > _FIRST_LINE):
            silent = False
            seconds = spent / (done - before) * (total - done)
            left = f', about {timedelta(seconds=round(seconds))} left' if done < total else ''
            print(f'{title}: {done} of {total} {unit}s{left}', file=sys.stderr, flush=True)
