"""Look of a model at many images: entropy, marks and features of each, resumable."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.inference.prediction import Prediction
from mmseg_mammo.inference.prediction_folder.each_image import Read, visit_all
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.prediction_folder.journal import Journal
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.studies.annotation.seen import Seen, mean_entropy, seen_of

PART = 'looked'


def look_at_all(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    *,
    batch_size: int = 1,
    workers: int = 2,
) -> tuple[list[Seen], dict[str, str]]:
    """See every image with a model; what an earlier run has seen is not looked at again.

    Args:
        predictor: The models.
        inputs: The images.
        out: Folder whose journal keeps what is seen.
        batch_size: Images that go through the model together.
        workers: Threads that read.

    Returns:
        What is seen of each image, in the order of ``inputs``; and the reasons why others could not be
        read, by their names.

    Raises:
        MammoError: See :func:`.visit_all`.
    """
    journal = Journal(out, PART)
    try:
        visit_all(predictor, inputs, out, journal, see, batch_size=batch_size, workers=workers)
        lines = [journal.line(source.key) for source in inputs]
    finally:
        journal.close()
    failed = {line['image']: line['failed'] for line in lines if 'failed' in line}
    return [seen_of(line) for line in lines if 'failed' not in line], failed


def see(read: Read, found: Prediction | str, seconds: float) -> dict[str, Any]:
    """The line of an image in the journal.

    Args:
        read: The image.
        found: What the model makes of it, or why it makes nothing.
        seconds: Of the prediction.
    """
    source = read.source
    line = {'key': source.key, 'image': source.image}
    if isinstance(found, str) or read.loaded is None:
        return {**line, 'failed': found}
    features = found.features
    return {
        **line,
        'fingerprint': read.fingerprint,
        'lesion': bool(found.regions),
        'entropy': round(mean_entropy(found.probability, read.loaded.image), 8),
        'laterality': source.laterality or read.loaded.laterality,
        'view': source.view or read.loaded.view,
        'features': None if features is None else np.asarray(features).tolist(),
        'seconds': round(read.seconds + seconds, 3),
    }
