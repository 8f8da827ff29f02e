"""Hold of a folder, so that several processes can fill one study and none does the work of another."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def hold(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Keep other processes out of a folder for as long as this lasts.

    A process that is killed holds nothing.

    Args:
        folder: Made where it is missing; gets a hidden file.
        wait: Whether to wait for another process that is inside.

    Yields:
        False where another process is inside.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / '.held.lock', fallback_to_soft=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        yield False
        return
    except OSError:  # a file system without locks: files are written whole anyway
        yield True
        return
    try:
        yield True
    finally:
        lock.release()
