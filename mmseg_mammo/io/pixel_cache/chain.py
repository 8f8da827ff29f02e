"""Chain: the files of one sequence of steps in a cache folder, and who makes them first."""

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from filelock import FileLock

from mmseg_mammo.io.pixel_cache.names import add_names, read_names
from mmseg_mammo.io.pixel_cache.place import CHAIN, LOCK, NAMES, SLOTS, TAGS
from mmseg_mammo.io.pixel_cache.rights import Rights

_WAIT = 60  # seconds for another process to write a table


class Chain:
    """The folder of a chain.

    Args:
        path: The folder, in that of the cache.
        rights: Of what is made in it.
    """

    def __init__(self, path: Path, rights: Rights) -> None:
        self.path = path
        self._rights = rights

    def open(self, names: Sequence[str], steps: Any) -> tuple[dict[str, int], bool]:
        """Make the folder, and give every image a slot that has none.

        Args:
            names: Of the images.
            steps: What the chain is, for people; JSON values.

        Returns:
            The slots by name, and whether the folder can be written to. If not, those that are
            there already.
        """
        table = self.path / NAMES
        try:
            self._rights.make_folder(self.path)
            with self._lock():
                for name, text in TAGS.items():
                    if not (self.path / name).is_file():
                        self._fill(self.path / name, text)
                if not (self.path / CHAIN).is_file():
                    self._write({'steps': steps, 'room': 0})
                return add_names(table, names, self._rights.open_file), True
        except (OSError, NotImplementedError):  # the latter: a file system without locks
            return read_names(table), False

    def room(self) -> int:
        """Bytes that the image of each slot may have; 0 where none was written yet."""
        return int(self._read().get('room') or 0)

    def claim_room(self, room: int, mostly_holes: bool = False) -> bool:
        """Say how many bytes an image may have, unless another process was first.

        Args:
            room: The bytes.
            mostly_holes: Whether most of a slot is never written, so that the disk has to leave it out.

        Returns:
            Whether the disk does what is needed.

        Raises:
            OSError: The folder cannot be written to.
        """
        with self._lock():
            chain = self._read()
            if chain.get('room'):
                return True
            solid = chain.get('solid') or (mostly_holes and not self._leaves_holes(room))
            if solid:  # noted for all other processes
                self._write({**chain, 'solid': True})
                return False
            self._write({**chain, 'room': room})
            return True

    def _leaves_holes(self, length: int) -> bool:
        """Whether the file of slots takes the disk for what is written in it alone."""
        file = self._rights.open_file(self.path / SLOTS)
        try:
            if size := os.fstat(file).st_size:  # of a chain whose description was lost
                return takes(file) < size // 2
            try:
                put(file, bytes(1), length - 1)
                os.fsync(file)  # some disks of other machines tell only then
                return takes(file) < length // 2
            finally:
                os.ftruncate(file, 0)
        finally:
            os.close(file)

    def open_slots(self) -> int:
        """The descriptor of the file of slots, to read and write or to read; -1 where neither can be."""
        path = self.path / SLOTS
        try:
            return self._rights.open_file(path)
        except OSError:
            try:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return -1

    def _lock(self) -> AbstractContextManager[Any]:
        path = self.path / LOCK
        os.close(self._rights.open_file(path))
        return FileLock(path, timeout=_WAIT, mode=self._rights.file)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads((self.path / CHAIN).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, chain: dict[str, Any]) -> None:
        path = self.path / f'{CHAIN}.new'
        self._fill(path, json.dumps(chain, indent=1, default=str))
        path.replace(self.path / CHAIN)

    def _fill(self, path: Path, text: str) -> None:
        file = self._rights.open_file(path)
        try:
            os.ftruncate(file, 0)
            put(file, text.encode(), 0)
        finally:
            os.close(file)


def takes(file: int) -> int:
    """Bytes of the disk that a file takes."""
    return os.fstat(file).st_blocks * 512


def put(file: int, data: Any, place: int) -> None:
    """Write all of ``data`` at a place of a file.

    Raises:
        OSError: The disk is full, or fails.
    """
    view = memoryview(data).cast('B')
    while view.nbytes:
        written = os.pwrite(file, view, place)
        view, place = view[written:], place + written
