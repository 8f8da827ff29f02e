"""Each image of a prediction: read ahead, predicted in batches, and visited, resumable, in little memory."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction import Prediction
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.prediction_folder.journal import Journal
from mmseg_mammo.inference.predictor import Loaded, Predictor
from mmseg_mammo.io.spacing import format_spacing, size_on
from mmseg_mammo.preparation.dicom_facts import dicom_facts
from mmseg_mammo.preparation.hospital.image import check_levels
from mmseg_mammo.preparation.hospital.spacing import fill_spacing
from mmseg_mammo.preparation.progress import show_progress

A = TypeVar('A')
B = TypeVar('B')


@dataclass(frozen=True)
class Read:
    """An image that was read, or the reason why it was not."""

    source: Input
    fingerprint: str
    seconds: float
    loaded: Loaded | None = None
    failed: str = ''


Visit = Callable[[Read, Prediction | str, float], dict[str, Any]]


def visit_all(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    journal: Journal,
    visit: Visit,
    *,
    batch_size: int = 1,
    workers: int = 2,
) -> int:
    """Predict on every image that no earlier run has finished; ``visit`` says what the journal keeps.

    A file that cannot be read, or that the model cannot take, is visited with the reason, and is tried
    again by the next run; so is one that has changed since.

    Args:
        predictor: The models.
        inputs: The images of this part.
        out: The folder that is written to, for messages.
        journal: Open; gets a line for each image.
        visit: From an image that was read, its prediction (or why it has none) and the seconds of that
            to a line of the journal; called in threads.
        batch_size: Images that go through the model together.
        workers: Threads that read, and as many that visit.

    Returns:
        The number of images that were predicted or have failed now.

    Raises:
        MammoError: The disk is full or closed to writing; or see :meth:`.Predictor.predict`.
    """
    waiting = _waiting(inputs, journal)
    done = len(inputs) - len(waiting)
    progress = iter(show_progress(waiting, len(inputs), 'predicting', done=done))
    next(progress, None)  # from now on the time is taken
    with ThreadPoolExecutor(workers) as reading, ThreadPoolExecutor(workers) as writing:
        lines: deque[Future[dict[str, Any]]] = deque()
        try:
            read_ahead = _ahead(reading, _reader(predictor), waiting, 2 * batch_size + workers)
            for batch in _batches(read_ahead, batch_size):
                for read, found, seconds in _predict(predictor, batch):
                    lines.append(writing.submit(visit, read, found, seconds))
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
    return len(waiting)


def _waiting(inputs: Sequence[Input], journal: Journal) -> list[Input]:
    """The inputs that are to be predicted on; the others are counted aloud."""
    waiting = [s for s in inputs if not journal.is_done(s.key, s.fingerprint())]
    if done := len(inputs) - len(waiting):
        said = f'{done} of {len(inputs)} images were predicted on before'
        print(said, file=sys.stderr, flush=True)
    return waiting


def _reader(predictor: Predictor) -> Callable[[Input], Read]:
    def read(source: Input) -> Read:
        start, fingerprint = time.perf_counter(), source.fingerprint()
        try:
            loaded = load_input(predictor, source)
        except MammoError as error:
            return Read(source, fingerprint, 0.0, failed=reason_of(error, source))
        # Whatever else a decoder raises: one file never stops the rest. Its message may quote a header.
        except Exception as error:  # noqa: BLE001
            reason = f'{source.image}: not readable ({type(error).__name__})'
            return Read(source, fingerprint, 0.0, failed=reason)
        return Read(source, fingerprint, time.perf_counter() - start, loaded)

    return read


def load_input(predictor: Predictor, source: Input) -> Loaded:
    """Bring an image to the models, with the size of its pixels.

    Args:
        predictor: The models.
        source: The image.

    Raises:
        MammoError: It cannot be read, or is of another size than is said.
    """
    loaded = predictor.load(source.path, source.facts)
    if not source.original_shape:  # a prepared image was checked, and a test takes it as it is
        check_levels(loaded.image, str(source.path), 'Export it again, or leave it out')
    shape = (loaded.image.shape[0], loaded.image.shape[1])
    if source.extent_mm:
        return replace(loaded, spacing=size_on(source.extent_mm, shape))
    if source.spacing:
        size = dict(zip(('original_height', 'original_width'), shape, strict=True))
        given = format_spacing(source.spacing)
        known = fill_spacing({**dicom_facts(source.path), **size}, given)  # as a preparation does
        if 'error' in known:
            raise MammoError(f'{source.path}: {known["error"]}')
    return replace(loaded, spacing=loaded.spacing or source.spacing)


def _predict(
    predictor: Predictor, batch: Sequence[Read]
) -> Iterator[tuple[Read, Prediction | str, float]]:
    """Each image of a batch with its prediction, or the reason why it has none, and the seconds."""
    ready = [read for read in batch if read.loaded is not None]
    start = time.perf_counter()
    found = iter(_predict_ready(predictor, ready))
    share = (time.perf_counter() - start) / max(len(ready), 1)
    for read in batch:
        yield read, read.failed if read.loaded is None else next(found), share


def _predict_ready(predictor: Predictor, ready: Sequence[Read]) -> list[Prediction | str]:
    """Predictions; where the model has none for an image, the reason, and the others all the same."""
    try:
        return [*predictor.predict([read.loaded for read in ready if read.loaded])] if ready else []
    except MammoError as error:
        if len(ready) == 1:
            return [reason_of(error, ready[0].source)]
    return [found for read in ready for found in _predict_ready(predictor, [read])]


def reason_of(error: Exception, source: Input) -> str:
    """One line, in which a file is called as in the tables: other folders may be named by patients."""
    return ' '.join(str(error).replace(str(source.path), source.image).split())


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
        if sum(read.loaded is not None for read in batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
