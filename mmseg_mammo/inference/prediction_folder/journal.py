"""Journal of a prediction folder: one line for each finished image, so that a stopped run goes on.

Each process of a run in several parts appends to a file of its own. A line is written after the files
of its image; a killed process leaves at most a line that is cut, which counts for nothing.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import replace_nan

FOLDER = '.journal'


class Journal:
    """The lines of all parts, of which this process appends to one; closed by :meth:`close`.

    Args:
        folder: The prediction folder.
        name: Of the part.

    Raises:
        MammoError: Another process writes this part.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / FOLDER
        self.path = self.folder / f'{name}.jsonl'
        # Where the last line of each image is: thousands of images in little memory.
        self.places: dict[str, tuple[Path, int]] = {}
        self.fingerprints: dict[str, str] = {}
        self._times: dict[str, float] = {}
        self.failed: set[str] = set()
        self._open: dict[Path, IO[bytes]] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stream = self.path.open('ab')
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._stream.close()
            raise MammoError(
                f'{folder}: another process is predicting this part',
                remedy='Wait for it, or give each process its own --part-id',
            ) from None
        except OSError:
            pass  # a file system without locks, such as some mounts of Lustre: nobody can tell
        self._end_cut_line()
        self.read()

    def close(self) -> None:
        """Let another process write this part."""
        for stream in (self._stream, *self._open.values()):
            stream.close()

    def read(self) -> None:
        """Read what all parts have written until now, and let the others read what this one has.

        Each ends by this. On a network file system a line is seen elsewhere once it is synchronised;
        if two parts ended at once without, each would wait for the other's tables.
        """
        os.fsync(self._stream.fileno())
        for path in sorted(self.folder.glob('*.jsonl')):
            for place, line in _lines(path):
                self._note(path, place, line)

    def append(self, line: Mapping[str, Any]) -> None:
        """Write the line of an image; ``key``, and ``fingerprint`` or ``failed`` are in it."""
        # Never before what was read: clocks of machines differ.
        moment = max(time.time(), self._times.get(line['key'], 0.0))
        line = {**line, 'time': moment}
        data = json.dumps(replace_nan(line), allow_nan=False).encode() + b'\n'
        place = self._stream.seek(0, os.SEEK_END)
        self._stream.write(data)
        self._stream.flush()
        self._note(self.path, place, line)

    def line(self, key: str) -> dict[str, Any]:
        """The last line of an image."""
        path, place = self.places[key]
        stream = self._open.get(path)
        if (
            stream is None
        ):  # stays open: of many images the lines of a file are asked for one by one
            stream = self._open[path] = path.open('rb')
        stream.seek(place)
        found: dict[str, Any] = json.loads(stream.readline())
        return found

    def is_done(self, key: str, fingerprint: str) -> bool:
        """Whether the last line of an image is a prediction on what it is now."""
        known = key in self.places and key not in self.failed
        return known and self.fingerprints[key] == fingerprint

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those of ``keys`` that no part has a line of."""
        return [key for key in keys if key not in self.places]

    def _note(self, path: Path, place: int, line: Mapping[str, Any]) -> None:
        # Parts are read by the names of their files, and the last line of all is the one that counts.
        key, moment = line['key'], line.get('time', 0.0)
        if moment < self._times.get(key, 0.0):
            return
        self.places[key], self._times[key] = (path, place), moment
        if 'failed' in line:
            self.failed.add(key)
        else:
            self.failed.discard(key)
        self.fingerprints[key] = line.get('fingerprint', '')

    def _end_cut_line(self) -> None:
        """Let the first new line stand alone behind one that was cut."""
        if not self._stream.seek(0, os.SEEK_END):
            return
        with self.path.open('rb') as stream:
            stream.seek(-1, os.SEEK_END)
            if stream.read() == b'\n':
                return
        self._stream.write(b'\n')
        self._stream.flush()


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open('rb') as stream:
        place = 0
        for line in stream:
            try:
                found = json.loads(line)
            except ValueError:  # cut
                found = None
            if isinstance(found, dict) and 'key' in found:
                yield place, found
            place += len(line)
