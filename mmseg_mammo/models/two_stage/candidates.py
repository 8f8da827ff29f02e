"""Candidates: places that both stages of a model have looked at, ranked, kept and pasted."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.grids import check_finite, lesion_probability
from mmseg_mammo.models.two_stage.peaks import Peak
from mmseg_mammo.models.two_stage.settings import KeepRule
from mmseg_mammo.transforms.crops import Box, inside

# A logit that no threshold lets pass: its sigmoid is 0 in float32.
NEVER = -200.0
_EDGE = 1e-6  # of probabilities, so that each has a logit


@dataclass(frozen=True)
class Candidate:
    """A place in an image. Pixels are those of the prepared image.

    Attributes:
        x: Column of the peak, the centre of the left pixel being 0.
        y: Row.
        finder_score: Of the finder's peak, 0 to 1.
        crop: What the refiner saw, (x0, y0, x1, y1); it may reach beyond the image.
        refiner_presence: Raw, 0 to 1; 0.5 of a refiner that does not tell.
        refiner_max: Highest probability of a pixel in the crop, 0 to 1.
        logits: h×w lesion logits of the crop, on the grid of the refiner's input.
        closed: Whether the refiner says that there is nothing (its own ``test_output``).
        score: That of the ranking, 0 to 1.
        kept: Whether it makes part of the mask.
    """

    x: float
    y: float
    finder_score: float
    crop: Box
    refiner_presence: float
    refiner_max: float
    logits: Tensor
    closed: bool = False
    score: float = 0.0
    kept: bool = False

    def as_metainfo(self) -> dict[str, Any]:
        """What a sample notes of it."""
        names = ('x', 'y', 'finder_score', 'crop', 'refiner_presence', 'refiner_max')
        return {name: getattr(self, name) for name in (*names, 'score', 'kept')}


def candidate_of(peak: Peak, box: Box, answer: SegDataSample) -> Candidate:
    """A candidate, not ranked yet.

    Args:
        peak: Of the finder, in pixels of the prepared image.
        box: The crop around it.
        answer: The refiner's, on the grid of its input: ``seg_logits`` and, of one with presence,
            ``presence_logit``.

    Raises:
        MammoError: A probability is not a number.
    """
    probability = lesion_probability(answer.seg_logits.data)
    check_finite(probability, answer.metainfo)
    said = answer.metainfo.get('presence_logit')
    presence = torch.tensor(said or 0.0, dtype=torch.float64).sigmoid()
    check_finite(presence, answer.metainfo)
    return Candidate(
        x=peak.x,
        y=peak.y,
        finder_score=peak.score,
        crop=box,
        refiner_presence=float(presence),
        refiner_max=float(probability.max()),
        logits=lesion_logits(answer.seg_logits.data),
        closed=bool(answer.metainfo.get('closed', False)),
    )


def lesion_logits(data: Tensor) -> Tensor:
    """H×W float32 lesion logits from mmseg's 1×H×W (sigmoid applied) or 2×H×W (raw) logits."""
    values = data.float()
    return torch.logit(values[0], _EDGE) if len(values) == 1 else values[1] - values[0]


def ranking_logits(finder_score: float, presence: float, highest: float) -> list[float]:
    """The three numbers that a ranking weighs: logits of the candidate's probabilities."""
    return [_logit(value) for value in (finder_score, presence, highest)]


@dataclass(frozen=True)
class Ranking:
    """The score of a candidate: a logistic function of :func:`ranking_logits`.

    Attributes:
        weights: Of the finder's score, of the refiner's presence and of its highest probability.
        bias: Added to their sum.
    """

    weights: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3)
    bias: float = 0.0

    def score(self, candidate: Candidate) -> float:
        """From 0 to 1."""
        given = candidate.finder_score, candidate.refiner_presence, candidate.refiner_max
        pairs = zip(self.weights, ranking_logits(*given), strict=True)
        total = self.bias + sum(weight * logit for weight, logit in pairs)
        return 1 / (1 + math.exp(-total)) if total > -700 else 0.0


def read_ranking(settings: Mapping[str, Any] | None) -> Ranking:
    """The ranking of a config; None is the mean of the three logits.

    Raises:
        MammoError: It is not ``dict(weights=[…three numbers…], bias=…)``.
    """
    if settings is None:
        return Ranking()
    weights, bias = settings.get('weights', ()), settings.get('bias', 0.0)
    known = set(settings) <= {'weights', 'bias'}
    if not known or len(weights) != 3 or not all(map(math.isfinite, (*weights, bias))):
        raise MammoError(
            f'ranking={dict(settings)}',
            'dict(weights=[finder, presence, highest], bias=number), finite numbers, or None',
        )
    return Ranking(tuple(map(float, weights)), float(bias))


def rank(candidates: Sequence[Candidate], ranking: Ranking, keep: KeepRule) -> list[Candidate]:
    """Candidates with their score, best first, and with those that are kept marked.

    A candidate that the refiner closes is not kept. Equal ones stay in the order of the finder.
    """
    scored = [replace(one, score=ranking.score(one)) for one in candidates]
    scored.sort(key=lambda one: -one.score)
    left, ranked = keep.count, []
    for one in scored:
        kept = left > 0 and one.score >= keep.min_score and not one.closed
        left -= kept
        ranked.append(replace(one, kept=kept))
    return ranked


def presence_logit(candidates: Sequence[Candidate]) -> float:
    """That of an image, from the best of its ranked candidates; minus infinity without any."""
    return _logit(candidates[0].score) if candidates else -math.inf


def paste(
    candidates: Sequence[Candidate],
    shape: tuple[int, int],
    device: Any = None,
    scale: Callable[[Tensor], Tensor] = lambda logits: logits,
) -> Tensor:
    """The lesion logits of kept candidates on an image; the higher one where two overlap.

    Args:
        candidates: Others than kept ones are left out.
        shape: (H, W) of the prepared image.
        device: Of the result.
        scale: What is done to the logits of a candidate first.

    Returns:
        H×W float32, :data:`NEVER` elsewhere.
    """
    canvas = torch.full(shape, NEVER, device=device)
    for one in candidates:
        if not one.kept:
            continue
        x0, y0, x1, y1 = one.crop
        left, top, right, bottom = inside(one.crop, shape)
        if right <= left or bottom <= top:
            continue
        grid = scale(one.logits[None, None].float())
        crop = F.interpolate(grid, (y1 - y0, x1 - x0), mode='bilinear', align_corners=False)[0, 0]
        part = canvas[top:bottom, left:right]
        torch.maximum(part, crop[top - y0 : bottom - y0, left - x0 : right - x0].to(part), out=part)
    return canvas


def _logit(probability: float) -> float:
    inner = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(inner / (1 - inner))
