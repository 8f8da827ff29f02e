"""Promised: the threshold that keeps a promise on images like those of one hospital."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmengine.config import Config
from mmseg.structures import SegDataSample

from mmseg_mammo.engine.config.test_output import describe_test_output, has_presence
from mmseg_mammo.evaluation.conformal.control import (
    Controlled,
    by_patient,
    check_patients,
    control,
)
from mmseg_mammo.evaluation.conformal.losses import loss_of_mask, losses, marked_share
from mmseg_mammo.evaluation.conformal.promise import MEANINGS, Promise
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.evaluation.image_level.platt import calibrate
from mmseg_mammo.evaluation.image_level.presence import is_closed
from mmseg_mammo.inference.calibration.look import Seen, patient_of, predictions, rows_of
from mmseg_mammo.io.image_keys import is_cut
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.preparation.progress import show_progress


@dataclass(frozen=True)
class Promised:
    """What a calibration with a promise found; see :class:`.Chosen`.

    Attributes:
        threshold: Of pixels.
        temperature: Of pixels, as it was.
        seen: The images, without scores.
        lines: What is said of the choice.
        effects: What is said of the images at it, and before.
        notes: Sentences for the reader of the file.
        facts: What the file says of the promise.
        presence: Settings of presence, of a model that has it.
    """

    threshold: float
    temperature: float
    seen: Seen
    lines: tuple[str, ...]
    effects: tuple[str, ...]
    notes: tuple[str, ...]
    facts: Mapping[str, Any]
    presence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Tables:
    """Losses and marked shares of N images at G thresholds, N×G; before, N; true shares, N.

    NaN is the true share of an image whose lesion nobody outlined.
    """

    losses: np.ndarray
    marked: np.ndarray
    losses_before: np.ndarray
    marked_before: np.ndarray
    lesion: np.ndarray


def check_images(cfg: Config, splits: Sequence[str], promise: Promise) -> None:
    """Refuse a promise that so few patients cannot give, before any image is looked at.

    Raises:
        MammoError: See :func:`.check_patients`.
    """
    rows = [
        row
        for row in rows_of(cfg, splits)
        if (row.annotated == 'lesion' or not promise.of_lesions)
        and not (promise.of_pixels and is_image_label(vars(row)))
    ]
    check_patients(promise, len({patient_of(vars(row)) for row in rows}))


def choose_promised(
    model: Any, cfg: Config, splits: Sequence[str], promise: Promise, by_presence: bool
) -> Promised:
    """The threshold of a promise: of pixels, or of the presence of a lesion for an image recall.

    Args:
        model: In eval mode, on its device, as ``cfg`` says.
        cfg: With ``test_dataloader``; the temperature and what it closes stay.
        splits: Which of its data set.
        promise: What is promised.
        by_presence: Of a model with presence, whether an image recall is kept by closing fewer
            images, not by marking more pixels.

    Raises:
        MammoError: See :func:`.control`.
    """
    before = describe_test_output(cfg)
    gated = by_presence and promise.kind == 'image-recall'
    seen, tables = _look(model, cfg, splits, promise, before if gated else None)
    found = control(promise, tables.losses, seen.patients)
    presence: dict[str, float] = {}
    if gated or (has_presence(cfg) and before['presence_threshold'] is not None):
        names = ('presence_threshold', 'presence_scale', 'presence_bias')
        presence = {name: float(before[name] or 0) for name in names}
    if gated:
        presence['presence_threshold'] = found.threshold
    return Promised(
        threshold=float(before['threshold']) if gated else found.threshold,
        temperature=float(before['temperature']),
        seen=seen,
        lines=tuple(_say_choice(found, 'presence threshold' if gated else 'threshold')),
        effects=tuple(_effects(found, tables, seen)),
        notes=tuple(_notes(promise, seen)),
        facts={'promise': found.as_facts()},
        presence=presence,
    )


def _look(
    model: Any,
    cfg: Config,
    splits: Sequence[str],
    promise: Promise,
    gate: Mapping[str, Any] | None,
) -> tuple[Seen, _Tables]:
    """Run a model over annotated images; a few numbers for each threshold are kept of each.

    Args:
        model: See :func:`choose_promised`.
        cfg: See :func:`choose_promised`.
        splits: See :func:`choose_promised`.
        promise: What is promised.
        gate: Settings of the model, if the threshold is that of the presence.
    """
    thresholds, total = promise.thresholds, len(rows_of(cfg, splits))
    rows: list[tuple[Any, ...]] = []
    who: list[tuple[bool, str, str]] = []
    for sample in show_progress(predictions(model, cfg, splits), total, 'calibrating'):
        truth = sample.gt_sem_seg.data[0].cpu().numpy() > 0
        mask = sample.pred_sem_seg.data[0].cpu().numpy() > 0
        meta = sample.metainfo
        before = loss_of_mask(promise.kind, mask, truth)
        if gate is not None:
            lost, marked = _behind_gate(sample, truth, thresholds, gate)
        else:
            shown = lesion_probability(sample.seg_logits.data).cpu().numpy()
            shown = np.zeros_like(shown) if is_closed(meta) else shown
            lost = losses(promise.kind, shown, truth, thresholds)
            marked = marked_share(shown, thresholds)
        if promise.of_pixels and is_image_label(meta):
            lost, before = np.full(len(thresholds), np.nan), np.nan
        share = np.nan if is_image_label(meta) else truth.mean()
        rows.append((lost, marked, before, mask.mean(), share))
        who.append((bool(truth.any()), patient_of(meta), meta.get('source', '')))
    lesion, patients, sources = map(np.array, zip(*who, strict=True))
    tables = _Tables(*map(np.array, zip(*rows, strict=True)))
    return Seen(np.full(len(who), np.nan), lesion, patients, sources), tables


def _behind_gate(
    sample: SegDataSample, truth: np.ndarray, thresholds: np.ndarray, gate: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Losses and marked shares, G each, at thresholds of presence: closed up to it, else as it is."""
    mask = lesion_probability(sample.seg_logits.data).cpu().numpy() > gate['threshold']
    logit = np.array(sample.metainfo['presence_logit'])
    presence = float(calibrate(logit, gate['presence_scale'], gate['presence_bias']))
    opened = presence > thresholds
    lost = np.where(opened, loss_of_mask('image-recall', mask, truth), 1.0)
    return np.where(truth.any(), lost, np.nan), np.where(opened, mask.mean(), 0.0)


def _say_choice(found: Controlled, name: str) -> Iterator[str]:
    """Lines on the choice."""
    promise, value = found.promise, found.promise.value
    yield f'{name} {found.threshold:.7g} for a promise of {promise}'
    yield f'  {_meaning(promise)}'
    end = (
        f'bound for a new patient {value(found.bound):.3g}'
        if promise.confidence is None
        else f'p-value {found.bound:.2g}'
    )
    yield (
        f'from {found.images} images of {found.patients} patients ({promise.fewest()} would be the '
        f'fewest): measured {value(found.mean):.3g}, {end}'
    )


def _effects(found: Controlled, tables: _Tables, seen: Seen) -> Iterator[str]:
    """Lines on what is kept and marked at the threshold, and before."""
    for name, lost, marked in (
        ('before', tables.losses_before, tables.marked_before),
        ('now', tables.losses[:, found.place], tables.marked[:, found.place]),
    ):
        counted = ~np.isnan(lost)
        mean = by_patient(lost[counted, None], seen.patients[counted]).mean()
        yield (
            f'{name}: {found.promise.kind} {found.promise.value(mean):.3g}; '
            f'{100 * marked.mean():.2f} % of an image is marked'
        )
    outlined = tables.lesion[seen.lesion & ~np.isnan(tables.lesion)]
    if len(outlined):
        yield f'of an image with a lesion, {100 * outlined.mean():.2f} % is lesion'


def _meaning(promise: Promise) -> str:
    way = 'at least' if promise.is_recall else 'at most'
    return f'{MEANINGS[promise.kind]}: {way} {promise.level:g} in the mean over patients'


def _notes(promise: Promise, seen: Seen) -> Iterator[str]:
    yield f'Promised: {_meaning(promise)}.'
    yield (
        'It holds for patients drawn like these. At another hospital nothing is promised: test there '
        'with this file measures what is left of it.'
    )
    yield (
        'It takes these images for new to the model: if its epoch, thresholds or settings were chosen on '
        'them, new patients may have less.'
    )
    if promise.confidence is None:
        yield 'It holds on average over all sets of as many patients that one might have been given.'
    if cuts := sum(map(is_cut, seen.sources.tolist())):
        yield (
            f'{cuts} of the {len(seen.sources)} images are cuts of other images: of whole images '
            'nothing is promised (docs/absence.md).'
        )
