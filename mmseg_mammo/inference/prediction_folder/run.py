"""Prediction run: the files and the line of each of many images."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction import Prediction
from mmseg_mammo.inference.prediction_folder.each_image import Read, reason_of, visit_all
from mmseg_mammo.inference.prediction_folder.image_files import (
    Outputs,
    remove_image,
    write_image,
    write_seg,
)
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.prediction_folder.journal import Journal
from mmseg_mammo.inference.prediction_folder.tables import image_line
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.preparation.likeness import Reference


def predict_all(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    journal: Journal,
    outputs: Outputs,
    *,
    reference: Reference | None = None,
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
        outputs: What is written beside masks.
        reference: The training images, that each image is compared with.
        batch_size: Images that go through the model together.
        workers: Threads that read, and as many that write. What waits is bounded.

    Returns:
        The number of images that were predicted or have failed now.

    Raises:
        MammoError: The disk is full or closed to writing; or see :meth:`.Predictor.predict`.
    """
    write = partial(_write, out, outputs, reference)
    return visit_all(predictor, inputs, out, journal, write, batch_size=batch_size, workers=workers)


def _write(
    out: Path,
    outputs: Outputs,
    reference: Reference | None,
    read: Read,
    found: Prediction | str,
    seconds: float,
) -> dict[str, Any]:
    source = read.source
    if isinstance(found, str) or read.loaded is None:
        remove_image(out, source.key)
        return {'key': source.key, 'image': source.image, 'failed': found}
    start = time.perf_counter()
    mask = write_image(out, source.key, read.loaded.image, found, outputs)
    line = image_line(source, read.loaded, found, mask, reference)
    try:
        write_seg(out, source, found, outputs)
    except MammoError as error:  # the prediction stands
        line['without_segmentation'] = reason_of(error, source)
    spent = read.seconds + seconds + time.perf_counter() - start
    return {**line, 'seconds': round(spent, 3), 'fingerprint': read.fingerprint}
