"""Table of names: which slot of a cache file an image has. Lines are added, never changed."""

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path


def read_names(path: Path) -> dict[str, int]:
    """The slot of each name, from 0; empty without a table.

    A last line without an end, of a process that was killed, does not count. The slot of a damaged one,
    as after a power failure, is of no image.
    """
    try:
        lines = path.read_bytes().split(b'\n')[:-1]
    except FileNotFoundError:
        return {}
    found = {}
    for slot, line in enumerate(lines):
        with contextlib.suppress(ValueError):
            found[str(json.loads(line))] = slot
    return found


def add_names(path: Path, names: Sequence[str], opened: Callable[[Path], int]) -> dict[str, int]:
    """Give each name a slot that has none yet; the caller holds the lock.

    Args:
        path: The table.
        names: In any order; those that have a slot keep it.
        opened: Opens a file to read and write, and makes it if it is not there: a descriptor.

    Returns:
        The slots of the whole table.

    Raises:
        OSError: The table cannot be written.
    """
    slots = read_names(path)
    new = [name for name in dict.fromkeys(names) if name not in slots]
    if not new:
        return slots
    file = opened(path)
    try:
        before = path.read_bytes()
        whole = before.rfind(b'\n') + 1
        os.ftruncate(file, whole)  # half a line of a process that was killed
        data = ''.join(json.dumps(name) + '\n' for name in new).encode()
        if os.pwrite(file, data, whole) != len(data):
            os.ftruncate(file, whole)
            return slots
    finally:
        os.close(file)
    first = before.count(b'\n')
    return slots | {name: first + number for number, name in enumerate(new)}
