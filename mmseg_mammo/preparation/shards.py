"""Shards of a preparation: many machines make images of one folder, and one then merges them.

Only images and masks are made in shards. Whatever looks at all images, such as splits, copies,
audit and index, is left to the merge, so that the outcome is that of a run without shards.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.jobs import Job, check_names, fingerprint, make_each
from mmseg_mammo.preparation.journal import (
    hold_folder,
    is_failed,
    is_finished,
    journal_entry,
    line_of,
    open_shard_journal,
    read_entries,
    shard_journals,
    shard_name,
    shard_path,
)

J = TypeVar('J', bound=Job)


@dataclass(frozen=True)
class Shard:
    """Every ``count``-th image, from number ``number`` on."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str, option: str = '--shard') -> 'Shard':
        """Read ``K/N`` of a command line.

        Args:
            text: As typed.
            option: That it was typed behind.

        Raises:
            MammoError: There is no such shard.

        >>> Shard.parse('3/8')
        Shard(number=3, count=8)
        """
        number, _, count = text.partition('/')
        if not (number.isdecimal() and count.isdecimal() and int(number) < int(count)):
            last = int(count) - 1 if count.isdecimal() and int(count) else 7
            raise MammoError(f'{option} {text}', f'0/{last + 1} to {last}/{last + 1}')
        return cls(int(number), int(count))

    def __str__(self) -> str:
        """As on the command line."""
        return f'{self.number}/{self.count}'

    def of(self, jobs: Sequence[J]) -> Sequence[J]:
        """Its own jobs."""
        return jobs[self.number :: self.count]


@dataclass(frozen=True)
class ShardCounts:
    """Images of a shard: all of them, and those that could not be made."""

    images: int
    failed: int


def make_shard(
    jobs: Sequence[J],
    make: Callable[[J], dict[str, Any]],
    out: Path,
    shard: Shard,
    *,
    workers: int = 1,
) -> ShardCounts:
    """Make the images of a shard that no earlier run has made.

    Args:
        jobs: Of all shards, in the order that every shard sees them in.
        make: See :func:`.make_all`.
        out: The output folder, claimed before.
        shard: Which of them.
        workers: Processes.

    Returns:
        How many. What failed is tried again by the next run of this shard.

    Raises:
        MammoError: Another process makes this shard, or prepares the whole folder; or see
            :func:`.make_all`.
    """
    check_names(jobs)
    own = shard.of(jobs)
    with (
        hold_folder(out, shared=True),
        open_shard_journal(shard_path(out, shard.number, shard.count)) as journal,
    ):
        prints = {job.name: fingerprint(job) for job in own}
        entries = (entry for entry in read_entries(out) if entry['name'] in prints)
        done = {e['name'] for e in entries if is_finished(e, prints[e['name']], out)}
        failed = 0
        waiting = [job for job in own if job.name not in done]
        title = f'preparing shard {shard}'
        for job, record in make_each(waiting, make, workers, title, done=len(done)):
            failed += 'error' in record
            journal.write(line_of(journal_entry(job.name, prints[job.name], record, out)))
            journal.flush()
    return ShardCounts(len(own), failed)


def check_shards(jobs: Sequence[J], out: Path) -> dict[str, dict[str, Any]]:
    """Records of the images that shards could not make; all others are there.

    Args:
        jobs: Of all shards.
        out: The output folder.

    Raises:
        MammoError: Images are missing; names their shards.
    """
    prints = {job.name: fingerprint(job) for job in jobs}
    finished, failed = set(), {}
    for entry in read_entries(out):
        name = entry['name']
        if name not in prints or entry['fingerprint'] != prints[name]:
            continue
        if is_failed(entry):
            failed[name] = entry['record']
        elif is_finished(entry, prints[name], out):
            finished.add(name)
    _refuse_missing([job.name in finished or job.name in failed for job in jobs], out)
    return {name: record for name, record in failed.items() if name not in finished}


def _refuse_missing(there: Sequence[bool], out: Path) -> None:
    """Refuse a merge of shards that are not done; ``there`` tells of each job whether it is."""
    begun = [shard_name(path) for path in shard_journals(out)]
    if not begun:
        raise MammoError(
            f'{out}: no shard was made there',
            remedy='Make them by --shard 0/N to --shard N-1/N, then merge',
        )
    if all(there):
        return
    count = Shard.parse(begun[-1]).count  # of several numbers of shards the last one tried
    of = Counter(number % count for number in range(len(there)))
    lost = Counter(number % count for number, is_there in enumerate(there) if not is_there)
    names = [
        f'{Shard(number, count)} ({lost[number]} of {of[number]} images'
        + (')' if f'{number}/{count}' in begun else ', never begun)')
        for number in sorted(lost)
    ]
    array = ','.join(map(str, sorted(lost)))
    raise MammoError(
        f'{out}: images are missing, of shard {", ".join(names)}',
        'a merge once all shards have ended',
        f'Run these shards again, with SLURM by sbatch --array={array}',
    )
