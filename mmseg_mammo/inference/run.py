"""Prediction run: reads, predicts and writes many images, resumable, in little memory."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.folder import Wanted, image_line, write_image
from mmseg_mammo.inference.inputs import Input
from mmseg_mammo.inference.journal import Journal
from mmseg_mammo.inference.prediction import Prediction
from mmseg_mammo.inference.predictor import Loaded, Predictor
from mmseg_mammo.io.spacing import size_on
from mmseg_mammo.preparation.progress import show_progress

A = TypeVar('A')
B = TypeVar('B')


@dataclass(frozen=True)
class Read:
    """An image that was read, or the reason why it was not."""

    one: Input
    print: str
    seconds: float
    loaded: Loaded | None = None
    failed: str = ''


def predict_all(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    journal: Journal,
    wanted: Wanted,
    *,
    batch_size: int = 1,
    workers: int = 2,
) -> int:
    """Predict on every image that no earlier run has finished.

    A file that cannot be read, or that the model cannot take, gets a line with the reason, and is tried
    again by the next run; so is one that has changed since.

    Args:
        predictor: The models.
        inputs: The images of this part.
        out: The prediction folder, claimed.
        journal: Open; gets a line for each image.
        wanted: What is written beside masks.
        batch_size: Images that go through the model together.
        workers: Threads that read, and as many that write. What waits is bounded.

    Returns:
        The number of images that were predicted or have failed now.

    Raises:
        MammoError: The disk is full or closed to writing; or see :meth:`.Predictor.predict`.
    """
    waiting = [one for one in inputs if not _is_done(one, journal)]
    progress = iter(
        show_progress(
            range(len(waiting)), len(inputs), 'predicting', done=len(inputs) - len(waiting)
        )
    )
    with ThreadPoolExecutor(workers) as reading, ThreadPoolExecutor(workers) as writing:
        lines: deque[Future[dict[str, Any]]] = deque()
        try:
            for batch in _batches(
                _ahead(reading, _reader(predictor), waiting, 2 * batch_size + workers), batch_size
            ):
                for read, found, seconds in _predict(predictor, batch):
                    lines.append(writing.submit(_write, out, read, found, seconds, wanted))
                while len(lines) > 2 * workers:
                    journal.append(lines.popleft().result())
                    next(progress, None)
            while lines:
                journal.append(lines.popleft().result())
                next(progress, None)
        except OSError as error:
            place = f' ({error.filename})' if error.filename else ''
            raise MammoError(
                f'{out}: {error.strerror or error}{place}',
                remedy='Make room, or give the right to write; the same command goes on',
            ) from error
        finally:
            reading.shutdown(wait=False, cancel_futures=True)
            writing.shutdown(wait=True, cancel_futures=True)
    next(progress, None)
    return len(waiting)


def _is_done(one: Input, journal: Journal) -> bool:
    known = one.key in journal.places and one.key not in journal.failed
    return known and journal.prints[one.key] == _print(one)


def _print(one: Input) -> str:
    """Changes with the size or the time of the file."""
    try:
        stat = one.path.stat()
    except OSError:
        return ''
    return f'{stat.st_size}-{stat.st_mtime_ns}'


def _reader(predictor: Predictor) -> Callable[[Input], Read]:
    def read(one: Input) -> Read:
        start, mark = time.perf_counter(), _print(one)
        try:
            loaded = predictor.load(one.path, one.facts, one.spacing)
        except MammoError as error:
            return Read(one, mark, 0.0, failed=_reason(error))
        # Whatever else a decoder raises: one file never stops the rest. Its message may quote a header.
        except Exception as error:  # noqa: BLE001
            return Read(one, mark, 0.0, failed=f'{one.path}: not readable ({type(error).__name__})')
        if one.extent_mm:
            loaded = replace(loaded, spacing=size_on(one.extent_mm, loaded.image.shape[:2]))
        return Read(one, mark, time.perf_counter() - start, loaded)

    return read


def _predict(
    predictor: Predictor, batch: Sequence[Read]
) -> Iterator[tuple[Read, Prediction | None, float]]:
    ready = [read for read in batch if read.loaded is not None]
    start = time.perf_counter()
    found = iter(predictor.predict([read.loaded for read in ready if read.loaded]) if ready else [])
    share = (time.perf_counter() - start) / max(len(ready), 1)
    for read in batch:
        yield read, next(found) if read.loaded is not None else None, share


def _write(
    out: Path, read: Read, found: Prediction | None, seconds: float, wanted: Wanted
) -> dict[str, Any]:
    one = read.one
    if found is None or read.loaded is None:
        return {'key': one.key, 'image': one.image, 'failed': read.failed}
    start = time.perf_counter()
    try:
        mask = write_image(out, one, read.loaded.image, found, wanted)
    except MammoError as error:  # of the DICOM SEG
        return {'key': one.key, 'image': one.image, 'failed': _reason(error)}
    line = image_line(one, found, mask, read.loaded.laterality, read.loaded.view)
    spent = read.seconds + seconds + time.perf_counter() - start
    return {**line, 'seconds': round(spent, 3), 'print': read.print}


def _reason(error: Exception) -> str:
    return ' '.join(str(error).split())


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[A], B], items: Iterable[A], ahead: int
) -> Iterator[B]:
    """Results of ``work`` in order, of which at most ``ahead`` are made before they are asked for."""
    futures: deque[Future[B]] = deque()
    for item in items:
        futures.append(pool.submit(work, item))
        if len(futures) >= ahead:
            yield futures.popleft().result()
    while futures:
        yield futures.popleft().result()


def _batches(items: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """Batches of ``size`` images; those that failed go along."""
    batch: list[Read] = []
    for item in items:
        batch.append(item)
        if sum(one.loaded is not None for one in batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
