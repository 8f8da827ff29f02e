"""Decoder messages: catches what C libraries write to standard error."""

import os
import re
import tempfile
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar('Result')
_ONE_AT_A_TIME = threading.Lock()


def listen(call: Callable[[], Result], complaint: re.Pattern[bytes]) -> tuple[Result, bool]:
    """Call ``call``, and tell whether a line on standard error matched ``complaint``.

    All other lines, such as those of other threads, are passed on afterwards.
    """
    with _ONE_AT_A_TIME, tempfile.TemporaryFile() as heard:
        try:
            before: int | None = os.dup(2)
        except OSError:  # closed, as in a daemon
            before = None
        os.dup2(heard.fileno(), 2)
        try:
            result = call()
        finally:
            if before is None:
                os.close(2)
            else:
                os.dup2(before, 2)
                os.close(before)
            heard.seek(0)
            lines = heard.read().splitlines(keepends=True)
            others = [line for line in lines if not complaint.match(line)]
            if others and before is not None:
                os.write(2, b''.join(others))
    return result, len(others) < len(lines)
