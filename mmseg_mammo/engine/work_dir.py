"""Work folders: lock them for one training at a time, and give every test its own."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mmseg_mammo.engine.checkpoint import check_checkpoint
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.run_folder import BEST, TUNING

# Where torchrun, SLURM and Open MPI say which of its processes one is.
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')
# Journals of trainings of several steps, whose checkpoint lies beside the journal.
TWO_STAGE, FOLDS, FEW, AUTO = 'two_stage.json', 'folds.json', TUNING, 'auto.json'
_JOURNALS = (TWO_STAGE, FOLDS, FEW, AUTO)
_LAST = 'last_checkpoint'
_held: list[FileLock] = []  # locks that last as long as the process


def claim_for_training(work_dir: Path, resume: bool) -> bool:
    """Make sure that a training loses nothing of another one.

    Args:
        work_dir: Where it is going to write.
        resume: Whether it was asked to go on from the last checkpoint there.

    Returns:
        Whether there is something to go on from.

    Raises:
        MammoError: The folder holds the checkpoints of a training and ``resume`` is off, or a
            training of several steps alone, or another process is training there; or the folder
            cannot be written to.
        CheckpointError: The last checkpoint is missing or incomplete.
    """
    found = (work_dir / _LAST).is_file()
    if found and not resume:
        raise MammoError(
            f'{work_dir} holds the checkpoints of another training, which would be overwritten',
            'an empty work folder, or --resume to go on from the last checkpoint',
            'Name another --work-dir, or move the old one away',
        )
    if not found:
        _refuse_journals(work_dir)
    if found:
        check_checkpoint(last_checkpoint(work_dir))
    elif resume:
        print(f'{work_dir} has no checkpoint to go on from: training starts from the beginning')
    hold_for_training(work_dir)
    return found


def check_for_folds(work_dir: Path, journal: str, start: Path) -> None:
    """Make sure that a tuning by folds writes its ``best.pth`` over nothing of another training.

    Args:
        work_dir: Where it is going to write.
        journal: The name of its own; where that lies already, the tuning goes on.
        start: The checkpoint that it begins with.

    Raises:
        MammoError: The folder holds another training, or ``best.pth``; or that is the start.
    """
    best = work_dir / BEST
    if start.resolve() == best.resolve():
        raise MammoError(
            f'--from {start}: the tuned checkpoint would overwrite it',
            remedy='Name another --work-dir',
        )
    if (work_dir / journal).is_file():
        return
    if (work_dir / _LAST).is_file():
        raise MammoError(
            f'{work_dir} holds a training that was begun without folds, which would be overwritten',
            'an empty work folder',
            'Name another --work-dir; that training goes on by its config with --folds 0 --resume',
        )
    _refuse_journals(work_dir)
    if best.is_file():
        raise MammoError(f'{best} would be overwritten', remedy='Name another --work-dir')


def _refuse_journals(work_dir: Path) -> None:
    """Refuse a folder of a training of several steps.

    Raises:
        MammoError: It is one.
    """
    if found := next((name for name in _JOURNALS if (work_dir / name).is_file()), None):
        raise MammoError(
            f'{work_dir} holds another training, {found}, whose checkpoint would be overwritten',
            'an empty work folder',
            'Name another --work-dir, or move the old one away',
        )


def hold_for_training(work_dir: Path) -> None:
    """Keep other trainings out of a folder for as long as this process lasts.

    Raises:
        MammoError: Another process is training there, or the folder cannot be written to.
    """
    if not is_first_process():
        return
    try:
        _held.append(_lock(work_dir, 'training', wait=False))
    except Timeout as error:
        raise MammoError(
            f'{work_dir}: another process is training there',
            remedy='Wait for it, or name another --work-dir',
        ) from error


def last_checkpoint(work_dir: Path) -> Path:
    """The file that a work folder names as its last checkpoint, also after the folder moved."""
    named = Path((work_dir / _LAST).read_text().strip())
    beside = work_dir / named.name
    return beside if beside.is_file() or not named.is_file() else named


@contextmanager
def unique_start(work_dir: Path) -> Iterator[None]:
    """Start a run inside: no other run starts in the same folder within the same second.

    mmengine names a run's folder by the second of its start; two would share one.
    """
    if not is_first_process():
        yield
        return
    lock = _lock(work_dir, 'starting', wait=True)
    try:
        yield
        time.sleep(1 - time.time() % 1)
    finally:
        lock.release()


def is_first_process() -> bool:
    """Whether this is the first one of a training's processes, also before they have joined."""
    return next((os.environ[name] for name in _RANKS if name in os.environ), '0') == '0'


def _lock(work_dir: Path, purpose: str, wait: bool) -> FileLock:
    """Take a lock of a folder, or wait for it.

    Raises:
        Timeout: Another process has it, and ``wait`` is off.
        MammoError: The folder cannot be written to.
    """
    path = work_dir / f'.{purpose}.lock'
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise MammoError(
            f'{work_dir}: nothing can be written there ({error.strerror})',
            remedy='Name another --work-dir',
        ) from error
    # Its other way, a file that stands for the lock, would outlive a killed training.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        raise
    except OSError:
        pass  # a file system without locks gives it to everybody
    return lock
