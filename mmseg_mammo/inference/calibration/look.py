"""Calibration: the threshold and the temperature of a model for the images of one hospital."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.structures import SegDataSample

from mmseg_mammo.engine.config.loading import drop_worker_settings
from mmseg_mammo.engine.config.test_output import bare_model
from mmseg_mammo.engine.validation.logit_counts import PROBE, count_logits
from mmseg_mammo.engine.validation.one_by_one import predict_step
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.calibration import fit_temperature
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.evaluation.out_of_fold.held_out import BINS, RANGE, WIDTH
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.index import INDEX_NAME, Row, read_index
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.preparation.progress import show_progress


@dataclass(frozen=True)
class Seen:
    """What a model made of annotated images.

    Attributes:
        scores: N highest probabilities, on the grid of each mask, as they are cut.
        lesion: N bool, whether the true mask has a pixel, or the image a label that says so.
        patients: N texts that tell patients apart; cuts are of the patient of their image.
        sources: N texts.
        logits: Histogram of the logits of all pixels, of ``breast_only`` of those in the breast,
            2×K: background and lesion. Images whose lesion nobody outlined are not in it.
        presence: N raw logits that there is a lesion at all; None of a model that does not tell.
    """

    scores: np.ndarray
    lesion: np.ndarray
    patients: np.ndarray
    sources: np.ndarray
    logits: np.ndarray = field(default_factory=lambda: np.zeros((2, BINS), np.int64))
    presence: np.ndarray | None = None


def check_model(cfg: Config) -> None:
    """Refuse what has no threshold of its own.

    Raises:
        MammoError: Prompts come from the true masks, which tell the model where to look.
    """
    if bare_model(cfg).get('prompts_from') == 'truth':
        raise MammoError(
            'calibrate: a SAM whose prompts come from the truth',
            'a model without prompts, or prompts_from="given"',
            'A threshold that was found with the help of the true masks holds for nothing else',
        )


def look(model: Any, cfg: Config, splits: Sequence[str], temperature: float) -> Seen:
    """Run a model over the annotated images of ``test_dataloader``.

    Args:
        model: In eval mode, on its device; its ``test_output`` is set, but for the temperature.
        cfg: With ``test_dataloader``.
        splits: Which of its data set.
        temperature: Of the scores.

    Returns:
        The images in the order of the index. Memory does not grow with them.
    """
    given = model.test_output
    model.test_output = replace(given, temperature=temperature)
    rows: list[tuple[float, bool, str, str, float]] = []
    counts = np.zeros((2, BINS), np.int64)
    try:
        total = len(annotations(cfg, splits))
        for sample in show_progress(predictions(model, cfg, splits), total, 'calibrating'):
            probability = lesion_probability(sample.seg_logits.data)
            truth = sample.gt_sem_seg.data[0].to(probability.device) > 0
            meta = sample.metainfo
            if not is_image_label(meta):  # nobody knows which of its pixels are lesion
                counts += count_logits(probability, truth, temperature).numpy()
            own = (
                bool(truth.any()),
                patient_of(meta),
                meta.get('source', ''),
                meta.get('presence_logit', 0.0),
            )
            rows.append((float(probability.max()), *own))
    finally:
        model.test_output = given
    scores, lesion, patients, sources, presence = map(np.array, zip(*rows, strict=True))
    known = presence if getattr(model, 'has_presence', False) else None
    return Seen(scores, lesion, patients, sources, counts, known)


def predictions(model: Any, cfg: Config, splits: Sequence[str]) -> Iterator[SegDataSample]:
    """What a model predicts of the annotated images of ``test_dataloader``; see :func:`look`."""
    drop_worker_settings(cfg)
    for split in splits:
        settings = cfg.test_dataloader.to_dict()
        settings['dataset'] = {**settings['dataset'], 'split': split}
        for batch in Runner.build_dataloader(settings):
            with torch.no_grad():
                yield from predict_step(model, 'test_step', batch)


def patient_of(image: Mapping[str, Any]) -> str:
    """A text that tells the patient of an image apart, also from those of other sources."""
    return f'{origin_of(image.get("source", ""))}/{image.get("patient_id", "")}'


def best_temperature(seen: Seen) -> float:
    """The temperature of the lowest likelihood loss over pixels; 1 without any lesion."""
    background, lesion = seen.logits
    if not lesion.any():
        return 1.0
    middles = (np.arange(BINS) + 0.5) * WIDTH - RANGE
    return fit_temperature(middles, lesion, background)


def scores_at(seen: Seen, temperature: float, other: float) -> np.ndarray:
    """The N scores as they would be at an ``other`` temperature, but for rounding."""
    scores = np.clip(seen.scores, 1e-300, 1 - 1e-16)
    logits = np.log(scores) - np.log1p(-scores)
    return 1 / (1 + np.exp(-logits * temperature / other))


def calibrated(
    model: Any, cfg: Config, splits: Sequence[str], former: float = 1.0
) -> tuple[float, Seen, np.ndarray]:
    """The temperature, the images at it, and their scores before.

    Images are seen twice where there are lesions: the scores at the fitted temperature are the
    model's own, and not computed from others.

    Args:
        model: See :func:`look`.
        cfg: See :func:`look`.
        splits: See :func:`look`.
        former: Temperature of the scores before.

    Returns:
        Temperature; what was seen at it; N scores before.

    Raises:
        MammoError: The splits have no annotated image.
    """
    kinds = annotations(cfg, splits)
    if 'lesion' not in kinds:
        seen = look(model, cfg, splits, 1.0)
        return 1.0, seen, seen.scores if former == 1 else scores_at(seen, 1.0, former)
    first = look(model, cfg, splits, PROBE)
    temperature = best_temperature(first)
    return temperature, look(model, cfg, splits, temperature), scores_at(first, PROBE, former)


def annotations(cfg: Config, splits: Sequence[str]) -> list[str]:
    """Whether each annotated image of the splits is ``lesion`` or ``normal``; see :func:`rows_of`."""
    return [row.annotated for row in rows_of(cfg, splits)]


def rows_of(cfg: Config, splits: Sequence[str]) -> list[Row]:
    """The annotated images of the splits.

    Raises:
        MammoError: There is none in one of the splits.
    """
    folder = Path(cfg.test_dataloader.dataset.data_root)
    rows = [row for row in read_index(folder / INDEX_NAME, False) if row.annotated != 'no']
    there = sorted({row.split for row in rows})
    for split in splits:
        if split not in there:
            raise MammoError(
                f'--split {split}: {folder} has no annotated image in it',
                f'splits with some: {", ".join(there) or "none"}',
                'Name another --split; images that the model was trained on say nothing of others',
            )
    return [row for row in rows if row.split in splits]
