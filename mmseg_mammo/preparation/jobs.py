"""Preparation jobs: run in a process pool, with a journal that lets a stopped run continue.

The journal ``progress.jsonl`` has one line per finished image: its name, a fingerprint of
everything that its pixels depend on, the record that was returned for it, and the bytes of the
files that were written. A line is only ever replaced, by that of the image made again: a run
with other jobs, or without its sources, forgets nothing.
"""

import errno
import hashlib
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Protocol, TypeVar

import cv2

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.preparation.progress import show_progress

PROGRESS_NAME = 'progress.jsonl'
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Job(Protocol):
    """One image to make: a frozen dataclass whose ``repr`` names all that its pixels depend on."""

    @property
    def name(self) -> str:
        """File stem in ``images/`` and ``masks/``, unique within the output folder."""
        ...

    @property
    def inputs(self) -> Sequence[Path]:
        """Every file that is read for it."""
        ...


J = TypeVar('J', bound=Job)


def make_all(
    jobs: Sequence[J],
    make: Callable[[J], dict[str, Any]],
    out: Path,
    *,
    workers: int = 1,
    title: str = 'preparing',
) -> list[dict[str, Any]]:
    """Run ``make`` on every job that an earlier run has not finished.

    Args:
        jobs: One per output image.
        make: Writes the files of one job and returns a record of JSON values, with the paths
            of its files under ``image`` and ``mask`` as in :class:`Pair`. With ``workers > 1``
            it must be picklable (a module-level function, or a partial of one).
        out: The output folder, claimed before.
        workers: Processes; 1 runs in this one.
        title: What the progress is called.

    Returns:
        One record per job, in order. A job whose ``make`` raised a :class:`MammoError` has
        ``{'error': message}`` instead and is tried again by the next run; so has one whose
        files the system would not read or write.

    Raises:
        MammoError: Two jobs have one name; the disk is full or closed to writing, which no job
            is to blame for; or a worker was killed.
    """
    if len({job.name for job in jobs}) != len(jobs):
        name, count = Counter(job.name for job in jobs).most_common(1)[0]
        raise MammoError(f'{count} images would be written as {name}.png', 'unique names')
    prints = {job.name: _fingerprint(job) for job in jobs}
    journal = _read_progress(out)
    records = {
        name: journal[name]['record']
        for name, print_ in prints.items()
        if name in journal and _is_finished(journal[name], print_, out)
    }
    _write_progress(out, journal)
    waiting = [job for job in jobs if job.name not in records]
    with (out / PROGRESS_NAME).open('a') as progress:
        for job, record in show_progress(
            _run_pool(waiting, make, workers), len(jobs), title, done=len(records)
        ):
            _stop_if_full(job, record)
            records[job.name] = record
            if 'error' not in record:
                journal[job.name] = _journal_entry(job.name, prints[job.name], record, out)
                progress.write(_line(journal[job.name]))
                progress.flush()
    _write_progress(out, journal)
    return [records[job.name] for job in jobs]


def _run_pool(
    jobs: Sequence[J], make: Callable[[J], dict[str, Any]], workers: int
) -> Iterator[tuple[J, dict[str, Any]]]:
    if workers <= 1 or len(jobs) <= 1:
        yield from ((job, _attempt(make, job)) for job in jobs)
        return
    # Forked from a clean server that imports once: forking this process, in which OpenCV may
    # have started threads, can hang, and spawning would import everything in every worker.
    context = get_context('forkserver')
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(workers, context, _start_worker)
    try:
        futures = {pool.submit(_attempt, make, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise MammoError(
            'A worker process was killed, most often because the memory was full',
            remedy='Run the same command again with fewer --jobs; it goes on where it stopped',
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


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


def _attempt(make: Callable[[J], dict[str, Any]], job: J) -> dict[str, Any]:
    try:
        return make(job)
    except MammoError as error:
        return {'error': str(error)}
    except OSError as error:
        place = f' ({error.filename2 or error.filename})' if error.filename else ''
        text = f'{job.inputs[0]}: {error.strerror or error}{place}, when {job.name}.png was made.'
        return {'error': text, 'errno': error.errno}


def _stop_if_full(job: Job, record: dict[str, Any]) -> None:
    """Raise what would go wrong for every job after this one."""
    if record.pop('errno', None) in _FULL:
        raise MammoError(
            record['error'], remedy='Make room; the same command goes on where it stopped'
        )


def _fingerprint(job: Job) -> str:
    """Changes with the job and with the size or time of any of its input files."""
    stats = [path.stat() for path in job.inputs if path.is_file()]
    text = repr((job, [(stat.st_size, stat.st_mtime_ns) for stat in stats]))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _journal_entry(
    name: str, fingerprint: str, record: dict[str, Any], out: Path
) -> dict[str, Any]:
    return {
        'name': name,
        'fingerprint': fingerprint,
        'record': record,
        'bytes': _written_bytes(record, out),
    }


def _written_bytes(record: Mapping[str, Any], out: Path) -> list[int]:
    """Sizes of the files of a record; -1 for one that is not there."""
    paths = [out / record[key] for key in ('image', 'mask') if record.get(key)]
    return [path.stat().st_size if path.is_file() else -1 for path in paths]


def _is_finished(entry: Mapping[str, Any], fingerprint: str, out: Path) -> bool:
    same_job = entry['fingerprint'] == fingerprint
    return same_job and entry.get('bytes') == _written_bytes(entry['record'], out)


def _read_progress(out: Path) -> dict[str, dict[str, Any]]:
    path = out / PROGRESS_NAME
    entries = {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # the last line of a killed run
            continue
        entries[entry['name']] = entry
    return entries


def _write_progress(out: Path, journal: Mapping[str, dict[str, Any]]) -> None:
    """In the order of names, so that the file does not depend on which worker was faster."""
    text = ''.join(_line(entry) for _, entry in sorted(journal.items()))
    write_atomic(out / PROGRESS_NAME, lambda stream: stream.write(text.encode()))


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True) + '\n'
