"""Making many images: a process pool, a progress bar, and a journal that lets a run go on.

The journal ``progress.jsonl`` has one line per finished image: its name, a fingerprint of
everything that its pixels depend on, and the record that was returned for it.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Protocol, TypeVar

import cv2
from tqdm import tqdm

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.images import write_atomic

PROGRESS_NAME = 'progress.jsonl'


class Job(Protocol):
    """One image to make: a frozen dataclass whose ``repr`` tells all that its pixels need."""

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
    title: str = 'images',
) -> list[dict[str, Any]]:
    """Run ``make`` on every job that an earlier run has not finished.

    Args:
        jobs: One per output image.
        make: Writes the files of one job and returns a record of JSON values, with the paths
            of its files under ``image`` and ``mask`` as in :class:`Pair`. With ``workers > 1``
            it must be picklable (a module-level function, or a partial of one).
        out: The output folder, claimed before.
        workers: Processes; 1 runs in this one.
        title: Label of the progress bar.

    Returns:
        One record per job, in order. A job whose ``make`` raised a :class:`MammoError` has
        ``{'error': message}`` instead and is tried again by the next run.
    """
    if len({job.name for job in jobs}) != len(jobs):
        name, count = Counter(job.name for job in jobs).most_common(1)[0]
        raise MammoError(f'{count} images would be written as {name}.png', 'unique names')
    prints = {job.name: _fingerprint(job) for job in jobs}
    records = {
        name: record
        for name, (print_, record) in _read_progress(out).items()
        if prints.get(name) == print_ and _files_exist(out, record)
    }
    _write_progress(out, prints, records)
    waiting = [job for job in jobs if job.name not in records]
    with (out / PROGRESS_NAME).open('a') as progress:
        bar = tqdm(total=len(jobs), initial=len(records), desc=title, unit='image')
        for job, record in _run(waiting, make, workers):
            records[job.name] = record
            if 'error' not in record:
                progress.write(_progress_line(job.name, prints[job.name], record))
                progress.flush()
            bar.update()
        bar.close()
    _write_progress(out, prints, records)
    return [records[job.name] for job in jobs]


def _run(
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


def _fingerprint(job: Job) -> str:
    """Changes with the job and with the size or time of any of its input files."""
    stats = [path.stat() for path in job.inputs if path.is_file()]
    text = repr((job, [(stat.st_size, stat.st_mtime_ns) for stat in stats]))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _files_exist(out: Path, record: Mapping[str, Any]) -> bool:
    return all((out / record[key]).is_file() for key in ('image', 'mask') if record.get(key))


def _read_progress(out: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    path = out / PROGRESS_NAME
    entries = {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # the last line of a killed run
            continue
        entries[entry['name']] = (entry['fingerprint'], entry['record'])
    return entries


def _write_progress(
    out: Path, prints: Mapping[str, str], records: Mapping[str, dict[str, Any]]
) -> None:
    """In the order of names, so that the file does not depend on which worker was faster."""
    good = {name: record for name, record in sorted(records.items()) if 'error' not in record}
    text = ''.join(_progress_line(name, prints[name], record) for name, record in good.items())
    write_atomic(out / PROGRESS_NAME, lambda stream: stream.write(text.encode()))


def _progress_line(name: str, fingerprint: str, record: Mapping[str, Any]) -> str:
    entry = {'name': name, 'fingerprint': fingerprint, 'record': record}
    return json.dumps(entry, sort_keys=True) + '\n'
