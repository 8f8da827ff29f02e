"""Threshold: chosen from the scores of annotated images so that a target is met, with intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.bootstrap import FEWEST, draws, estimate, seed_of
from mmseg_mammo.evaluation.operating_point import (
    LEVEL,
    fewest_for,
    quantile_interval,
    rank_for,
    redrawn,
    share_interval,
)

# Scores of another batch or processor differ by about that much; the image of the rank itself must not
# fall on the other side. Near 0 and 1, where images lie close together, logits tell how much.
MARGIN = 1e-6
LOGIT_MARGIN = 1e-4
COUNTS = (20, 50, 100, 200)
KINDS: Mapping[str, str] = {'specificity': 'normal images', 'sensitivity': 'images with a lesion'}


@dataclass(frozen=True)
class Choice:
    """A threshold, and how sure it is.

    Attributes:
        kind: ``specificity`` or ``sensitivity``.
        share: The target, between 0 and 1.
        threshold: Probability above which a pixel is lesion.
        rank: k of the k-th score that the threshold is at.
        images: n, of the kind that the target is about.
        patients: Whose images these are.
        interval: Of the true share, as if images were independent.
        of_patients: The same by a bootstrap over patients; None where each has one image, and of
            too few patients.
        thresholds: Interval of the threshold itself; None for an end that is not known.
    """

    kind: str
    share: float
    threshold: float
    rank: int
    images: int
    patients: int
    interval: tuple[float, float]
    of_patients: tuple[float, float] | None
    thresholds: tuple[float | None, float | None]

    def as_facts(self) -> dict[str, Any]:
        """The interval of the target, as ``operating_point.json`` keeps it."""
        facts = {
            'low': self.interval[0],
            'high': self.interval[1],
            'level': LEVEL,
            'method': f'order statistics: Beta({self.rank}, {self.images + 1 - self.rank})',
            'images': self.images,
            'patients': self.patients,
        }
        if self.of_patients:
            low, high = self.of_patients
            facts |= {'low_over_patients': low, 'high_over_patients': high}
        return facts


def check_enough(count: int, kind: str, share: float) -> int:
    """The k of the k-th of ``count`` scores that the threshold of a target is at.

    Args:
        count: Images of the kind that the target is about.
        kind: See :func:`choose`.
        share: See :func:`choose`.

    Raises:
        MammoError: There are too few images.
    """
    rank = rank_for(share, count)
    if rank is None:
        raise MammoError(
            f'target {kind}={share:g} with {count} {KINDS[kind]}',
            f'{fewest_for(share)} or more of them',
            'Annotate more, or lower the target',
        )
    return rank


def choose(
    scores: np.ndarray, lesion: np.ndarray, patients: np.ndarray, kind: str, share: float
) -> Choice:
    """The threshold that a target asks for.

    Args:
        scores: N highest probabilities.
        lesion: N bool.
        patients: N texts.
        kind: ``specificity``: a ``share`` of normal images is left empty. ``sensitivity``: in a
            share of the images with a lesion something is marked, wherever it lies.
        share: Between 0 and 1.

    Raises:
        MammoError: There are too few images of that kind; or too many with a lesion have no
            probability above 0 anywhere.
    """
    wanted = lesion if kind == 'sensitivity' else ~lesion
    sign = -1.0 if kind == 'sensitivity' else 1.0  # of lesions, a share is above
    found = sign * scores[wanted]
    rank = check_enough(len(found), kind, share)
    score = float(sign * np.sort(found)[rank - 1])
    if kind == 'sensitivity' and score <= 0:
        raise MammoError(
            f'target {kind}={share:g}: the model gives no probability to more images than that',
            f'a target up to {np.mean(scores[wanted] > 0):.3g}',
        )
    names, codes = np.unique(patients[wanted], return_inverse=True)
    low, high = quantile_interval(found, share)
    ends = (low, high) if sign > 0 else (high and -high, low and -low)
    return Choice(
        kind=kind,
        share=share,
        threshold=beside(score, sign),
        rank=rank,
        images=len(found),
        patients=len(names),
        interval=share_interval(rank, len(found)),
        of_patients=_over_patients(found, names, codes, share),
        thresholds=ends,
    )


def beside(score: float, sign: float) -> float:
    """A threshold a little to one side of a score, so that rounding does not bring the score past it.

    At most :data:`MARGIN` away, less near 0 and 1, and at least two steps of float32; below 1 unless
    the score is 1.

    Args:
        score: Of float32, 0 to 1.
        sign: 1 for above it, -1 for below.

    >>> round(beside(0.5, 1.0) - 0.5, 9), 1e-8 < beside(1 - 5e-7, 1.0) - (1 - 5e-7) < 2e-7
    (1e-06, True)
    """
    steps = 2 * float(np.spacing(np.float32(max(score, MARGIN))))
    margin = min(MARGIN, max(LOGIT_MARGIN * score * (1 - score), steps))
    last = float(np.nextafter(np.float32(1), np.float32(0))) if score < 1 else 1.0
    return min(max(score + sign * margin, 0.0), last)


def _over_patients(
    found: np.ndarray, names: np.ndarray, codes: np.ndarray, share: float
) -> tuple[float, float] | None:
    if len(names) == len(found) or len(names) < FEWEST:
        return None
    _, shares = redrawn(found, codes, draws(len(names), seed_of(names)), share)
    known = estimate(share, shares, len(names))
    return None if np.isnan(known.low) else (known.low, known.high)


def describe(choice: Choice, name: str = 'threshold') -> Iterator[str]:
    """Lines on a choice, and on what more images would make of its interval.

    Args:
        choice: See :func:`choose`.
        name: What the threshold is called.
    """
    what, percent = KINDS[choice.kind], 100 * choice.share
    yield f'{name} {choice.threshold:.7g} for a {choice.kind} of {percent:g} %'
    low, high = (100 * end for end in choice.interval)
    yield (
        f'from {choice.images} {what} of {choice.patients} patients: the true {choice.kind} lies '
        f'between {low:.1f} and {high:.1f} % (95 %, exact if each patient had one image)'
    )
    if choice.of_patients:
        low, high = (100 * end for end in choice.of_patients)
        yield f'  drawing patients with all their images: {low:.1f} to {high:.1f} %'
    ends = ['not known' if end is None else f'{end:.7g}' for end in choice.thresholds]
    yield f'the {name} of that {choice.kind} lies between {ends[0]} and {ends[1]} (95 %)'
    yield f'what other numbers of {what} would give, one a patient:'
    for count in COUNTS:
        rank = rank_for(choice.share, count)
        if rank is None:
            yield f'  {count:>4}  too few: {fewest_for(choice.share)} are needed'
            continue
        low, high = (100 * end for end in share_interval(rank, count))
        yield f'  {count:>4}  {low:.1f} to {high:.1f} %'


def effects(lesion: np.ndarray, cuts: Mapping[str, tuple[np.ndarray, float]]) -> Iterator[str]:
    """Lines on the images that are marked at each of several cuts, by name.

    Args:
        lesion: N bool.
        cuts: N scores and the threshold that they are cut at.
    """
    for name, (scores, threshold) in cuts.items():
        marked = scores > threshold
        parts = [
            f'{int(right[kind].sum())} of {int(kind.sum())} {what} {how}'
            for kind, right, what, how in (
                (lesion, marked, 'images with a lesion', 'marked'),
                (~lesion, ~marked, 'normal images', 'left empty'),
            )
            if kind.any()
        ]
        yield f'{name}, cut at {threshold:.7g}: {"; ".join(parts)}'
