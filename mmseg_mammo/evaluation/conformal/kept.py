"""Kept: how much of a promise is left on other images, with an interval over patients."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.bootstrap import mean
from mmseg_mammo.evaluation.conformal.control import by_patient
from mmseg_mammo.evaluation.conformal.losses import loss_of_mask
from mmseg_mammo.evaluation.conformal.promise import Promise
from mmseg_mammo.evaluation.operating_point import LEVEL
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.run_folder import PROMISE_LOSS

KEPT, BY_CHANCE, BROKEN = 'kept', 'missed, perhaps by chance', 'broken'


@dataclass(frozen=True)
class Kept:
    """What was measured of a promise.

    Attributes:
        promise: What was promised.
        value: Measured, the mean over patients.
        low: The lower end of its 95 % interval; NaN of too few patients.
        high: The upper end.
        patients: Whose images it is over.
        images: Their number.
        exact: Whether the interval is that of Clopper and Pearson, else over draws of patients.
    """

    promise: Promise
    value: float
    low: float
    high: float
    patients: int
    images: int
    exact: bool

    @property
    def short(self) -> float:
        """By how much the promise is missed; below 0 where it is more than kept."""
        difference = self.promise.level - self.value
        return difference if self.promise.is_recall else -difference

    @property
    def verdict(self) -> str:
        """Whether it is kept; if not, whether the interval reaches what was promised."""
        if math.isnan(self.value):
            return ''
        if self.short <= 0:
            return KEPT
        end = self.high if self.promise.is_recall else self.low
        reaches = (self.promise.level - end) * (1 if self.promise.is_recall else -1) <= 0
        return BY_CHANCE if reaches or math.isnan(end) else BROKEN


def promise_columns(
    promise: Mapping[str, Any] | None,
    sample: Mapping[str, Any],
    mask: np.ndarray,
    truth: np.ndarray,
) -> dict[str, float | None]:
    """The column of an image for the promise that a test measures; none without one.

    Args:
        promise: With its ``target``.
        sample: mmseg's sample as a dict, with its metainfo.
        mask: H×W bool, as the model gives it; of a closed image empty.
        truth: H×W bool, on its own grid, whatever grid the other columns are on.

    Returns:
        ``promise_loss``; None if the promise is not about the image.
    """
    if not promise:
        return {}
    kind = Promise.read(promise['target']).kind
    known = kind == 'image-recall' or not is_image_label(sample)
    loss = loss_of_mask(kind, mask, truth) if known else math.nan
    return {PROMISE_LOSS: None if math.isnan(loss) else loss}


def measure(promise: Promise, losses: np.ndarray, patients: np.ndarray) -> Kept:
    """What is left of a promise.

    Args:
        promise: What was promised.
        losses: N, NaN of images that it is not about.
        patients: N texts.

    >>> found = measure(Promise('image-recall', 0.9), np.array([0, 1, 0, 0]), np.array(list('abcd')))
    >>> found.value, round(found.low, 3), found.verdict
    (0.75, 0.194, 'missed, perhaps by chance')
    """
    counted = ~np.isnan(losses)
    if not counted.any():
        return Kept(promise, math.nan, math.nan, math.nan, 0, 0, False)
    own = by_patient(losses[counted, None], patients[counted])[:, 0]
    exact = bool(np.isin(own, (0, 1)).all()) and promise.kind == 'image-recall'
    names = np.unique(patients[counted])
    if exact:
        low, high = _clopper_pearson(int(own.sum()), len(own))
    else:
        found = mean(own, names)
        low, high = found.low, found.high
    ends = promise.value(np.array([low, high]))
    return Kept(
        promise=promise,
        value=float(promise.value(own.mean())),
        low=float(ends.min()),
        high=float(ends.max()),
        patients=len(own),
        images=int(counted.sum()),
        exact=exact,
    )


def describe_kept(promise: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """A line on what a test measured.

    Args:
        promise: With ``target``, ``confidence``, ``sources`` and ``split``.
        records: One per image, with :func:`promise_columns`.
    """
    losses = np.array([math.nan if (v := r[PROMISE_LOSS]) is None else v for r in records], float)
    patients = np.array([f'{origin_of(r["source"])}/{r["patient_id"]}' for r in records])
    found = measure(Promise.read(promise['target'], promise.get('confidence')), losses, patients)
    if not found.patients:
        return f'promise {found.promise}: no image that it is about'
    home = f'{", ".join(promise.get("sources") or ())} {promise.get("split") or ""}'.strip()
    return (
        f'promise {found.promise}, calibrated on {home}: measured {found.value:.3g} '
        f'(95 % interval {found.low:.3g} to {found.high:.3g}) on {found.images} images of '
        f'{found.patients} patients: {found.verdict}'
    )


def _clopper_pearson(errors: int, count: int) -> tuple[float, float]:
    """The exact interval of a share."""
    from scipy.stats import beta  # a training need not wait for its import

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, errors, count - errors + 1)) if errors else 0.0
    high = float(beta.ppf(1 - tail, errors + 1, count - errors)) if errors < count else 1.0
    return low, high
