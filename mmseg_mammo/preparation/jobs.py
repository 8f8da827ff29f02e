"""Preparation jobs: run in a process pool, with a journal that lets a stopped run continue.

The journal ``progress.jsonl`` (:mod:`mmseg_mammo.preparation.journal`) has one line per finished
image. A line is only ever replaced, by that of the image made again: a run with other jobs, or
without its sources, forgets nothing.
"""

import errno
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import remove_partials
from mmseg_mammo.preparation.journal import (
    PROGRESS_NAME,
    fingerprint_of,
    hold_folder,
    is_failed,
    is_finished,
    journal_entry,
    line_of,
    read_entries,
    write_progress,
)
from mmseg_mammo.preparation.pool import run_pool
from mmseg_mammo.preparation.progress import show_progress

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
    failed: Mapping[str, dict[str, Any]] | None = None,
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
        failed: Records of jobs that are not tried again, by name.

    Returns:
        One record per job, in order. A job whose ``make`` raised a :class:`MammoError` has
        ``{'error': message}`` instead and is tried again by the next run; so has one whose
        files the system would not read or write.

    Raises:
        MammoError: Two jobs have one name; the disk is full or closed to writing, which no job
            is to blame for; a worker was killed; or another process prepares ``out``.
    """
    check_names(jobs)
    with hold_folder(out):
        remove_partials(out, time.time())  # of killed runs: nobody else is here
        prints = {job.name: fingerprint(job) for job in jobs}
        journal = _read_journal(out, prints)
        records = {
            name: journal[name]['record']
            for name, print_ in prints.items()
            if name in journal and is_finished(journal[name], print_, out)
        }
        records = {**(failed or {}), **records}
        write_progress(out, journal)
        waiting = [job for job in jobs if job.name not in records]
        with (out / PROGRESS_NAME).open('ab') as progress:
            for job, record in make_each(waiting, make, workers, title, done=len(records)):
                records[job.name] = record
                if 'error' not in record:
                    journal[job.name] = journal_entry(job.name, prints[job.name], record, out)
                    progress.write(line_of(journal[job.name]))
                    progress.flush()
        write_progress(out, journal)
    return [records[job.name] for job in jobs]


def make_each(
    jobs: Sequence[J],
    make: Callable[[J], dict[str, Any]],
    workers: int,
    title: str,
    done: int,
) -> Iterator[tuple[J, dict[str, Any]]]:
    """Yield each job with its record, in the order of their ends, and show the progress.

    Args:
        jobs: See :func:`make_all`; those that are left to do.
        make: See there.
        workers: See there.
        title: See there.
        done: How many were done before.

    Raises:
        MammoError: See there.
    """
    made = run_pool(jobs, partial(_attempt, make), workers, __name__)
    for job, record in show_progress(made, done + len(jobs), title, done=done):
        _stop_if_full(record)
        yield job, record


def check_names(jobs: Sequence[Job]) -> None:
    """Refuse two jobs of one name."""
    if len({job.name for job in jobs}) != len(jobs):
        name, count = Counter(job.name for job in jobs).most_common(1)[0]
        raise MammoError(f'{count} images would be written as {name}.png', 'unique names')


def fingerprint(job: Job) -> str:
    """Changes with the job and with the size or time of any of its input files."""
    return fingerprint_of(job, job.inputs)


def _read_journal(out: Path, prints: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The line of each image; of several the last, or the one that tells of what is there now."""
    journal: dict[str, dict[str, Any]] = {}
    for entry in read_entries(out):
        name = entry['name']
        if is_failed(entry):
            continue
        known = name in journal and name in prints and is_finished(journal[name], prints[name], out)
        if not known:
            journal[name] = entry
    return journal


def _attempt(make: Callable[[J], dict[str, Any]], job: J) -> dict[str, Any]:
    try:
        return make(job)
    except MammoError as error:
        return {'error': str(error)}
    except OSError as error:
        place = f' ({error.filename2 or error.filename})' if error.filename else ''
        text = f'{job.inputs[0]}: {error.strerror or error}{place}, when {job.name}.png was made.'
        return {'error': text, 'errno': error.errno}


def _stop_if_full(record: dict[str, Any]) -> None:
    """Raise what would go wrong for every job after this one."""
    if record.pop('errno', None) in _FULL:
        raise MammoError(
            record['error'], remedy='Make room; the same command goes on where it stopped'
        )
