"""Journals of a preparation: one line for each finished image, so that a stopped run goes on.

``progress.jsonl`` is that of a run of one machine. Each shard of a run of many appends to one of its
own in ``.shards/``, which has lines of images that failed too. A line holds the name of the image, a
fingerprint of everything that its pixels depend on, the record that was returned for it, and the
bytes of the files that were written. A killed process leaves at most a line that is cut, which counts
for nothing.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import write_atomic

PROGRESS_NAME = 'progress.jsonl'
SHARDS_NAME = '.shards'
LOCK_NAME = '.lock'


@contextmanager
def hold_folder(out: Path, shared: bool = False) -> Iterator[None]:
    """Keep other runs out of an output folder while this one is inside.

    Args:
        out: The folder.
        shared: Whether this is a shard, which lets other shards in.

    Raises:
        MammoError: Another run is inside.
    """
    with (out / LOCK_NAME).open('a+b') as stream:
        if not _try_lock(stream, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            raise MammoError(
                f'{out}: another process is preparing this folder',
                remedy='Wait for it, or end it; the same command then goes on where it stopped',
            )
        yield


@contextmanager
def open_shard_journal(path: Path) -> Iterator[IO[bytes]]:
    """Append to the journal of a shard; one process at a time.

    Args:
        path: The journal, new or of a run that was killed.

    Raises:
        MammoError: Another process makes this shard.
    """
    path.parent.mkdir(exist_ok=True)
    with path.open('a+b') as stream:
        if not _try_lock(stream, fcntl.LOCK_EX):
            raise MammoError(
                f'{path.parents[1]}: another process is making shard {shard_name(path)}',
                remedy='Wait for it, or give each process a --shard of its own',
            )
        if stream.tell():
            stream.seek(-1, os.SEEK_END)
            if stream.read() != b'\n':  # cut; the first new line stands alone behind it
                stream.write(b'\n')
        yield stream
        stream.flush()
        os.fsync(stream.fileno())  # for the machine that merges


def shard_path(out: Path, number: int, count: int) -> Path:
    """Where a shard has its journal."""
    return out / SHARDS_NAME / f'{number}-of-{count}.jsonl'


def shard_name(path: Path) -> str:
    """What ``--shard`` calls the shard of a journal.

    >>> shard_name(Path('3-of-8.jsonl'))
    '3/8'
    """
    return path.stem.replace('-of-', '/')


def shard_journals(out: Path) -> list[Path]:
    """Journals of all shards of a folder, the one begun first in front."""
    return sorted((out / SHARDS_NAME).glob('*-of-*.jsonl'), key=lambda p: (p.stat().st_mtime, p))


def read_entries(out: Path) -> Iterator[dict[str, Any]]:
    """Lines of all journals of a folder, that of the whole run first."""
    for path in (out / PROGRESS_NAME, *shard_journals(out)):
        if not path.is_file():
            continue
        with path.open('rb') as stream:
            for line in stream:
                try:
                    entry = json.loads(line)
                except ValueError:  # the last line of a killed run
                    continue
                yield entry


def journal_entry(name: str, fingerprint: str, record: dict[str, Any], out: Path) -> dict[str, Any]:
    """What a line says of an image that was made or, with ``error`` in its record, that failed."""
    return {
        'name': name,
        'fingerprint': fingerprint,
        'record': record,
        'bytes': _written_bytes(record, out),
    }


def is_failed(entry: Mapping[str, Any]) -> bool:
    """Whether a line tells of an image that could not be made."""
    return 'error' in entry['record']


def is_finished(entry: Mapping[str, Any], fingerprint: str, out: Path) -> bool:
    """Whether the image of a line was made from what is there now, and is still as it was written."""
    if is_failed(entry) or entry['fingerprint'] != fingerprint:
        return False
    return bool(entry.get('bytes') == _written_bytes(entry['record'], out))


def fingerprint_of(job: object, inputs: Iterable[Path]) -> str:
    """Changes with the job and with the size or time of any of its input files."""
    stats = [path.stat() for path in inputs if path.is_file()]
    text = repr((job, [(stat.st_size, stat.st_mtime_ns) for stat in stats]))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write_progress(out: Path, journal: Mapping[str, dict[str, Any]]) -> None:
    """In the order of names, so that the file does not depend on which worker was faster."""

    def write(stream: IO[bytes]) -> None:
        for _, entry in sorted(journal.items()):
            stream.write(line_of(entry))

    write_atomic(out / PROGRESS_NAME, write)


def line_of(entry: Mapping[str, Any]) -> bytes:
    """A line of a journal."""
    return json.dumps(entry, sort_keys=True).encode() + b'\n'


def _written_bytes(record: Mapping[str, Any], out: Path) -> list[int]:
    """Sizes of the files of a record; -1 for one that is not there."""
    paths = [out / record[key] for key in ('image', 'mask') if record.get(key)]
    return [path.stat().st_size if path.is_file() else -1 for path in paths]


def _try_lock(stream: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nobody can tell; files are written whole anyway
        pass
    return True
