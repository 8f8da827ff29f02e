"""Prompt samplers: draw points and boxes from true masks, in place of a reader's clicks."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mmseg.registry import MODELS
from scipy import ndimage
from torch import Generator, Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.prompts.functional import (
    error_points,
    innermost_point,
    jittered_boxes,
    random_points,
)
from mmseg_mammo.models.prompts.prompts import Prompts


class PromptSampler(ABC):
    """Base of the samplers, which make prompts from true masks.

    Args:
        per_component: Whether each 8-connected region of a mask is an object with prompts of
            its own; otherwise the whole mask is one object.
    """

    rounds = 0  # further clicks after the first prediction

    def __init__(self, *, per_component: bool = False) -> None:
        self.per_component = per_component

    def objects(self, mask: Tensor) -> Tensor:
        """Divide H×W bool into O×H×W bool, whose union it is; an empty mask is one object."""
        if not self.per_component:
            return mask[None]
        labels, count = ndimage.label(mask.cpu().numpy(), structure=np.ones((3, 3)))
        numbers = torch.arange(1, max(count, 1) + 1, device=mask.device)
        return torch.from_numpy(labels).to(mask.device) == numbers[:, None, None]

    @abstractmethod
    def __call__(self, objects: Tensor, generator: Generator | None = None) -> Prompts:
        """First prompts of O×H×W bool objects, in pixels of that grid."""


@MODELS.register_module()
class RandomPointSampler(PromptSampler):
    """Random pixels of the lesion: the thesis's training prompts (:func:`.random_points`).

    Args:
        points: Points per object.
        per_component: See :class:`PromptSampler`.
    """

    def __init__(self, *, points: int = 1, per_component: bool = False) -> None:
        super().__init__(per_component=per_component)
        if points < 1:
            raise MammoError(f'points={points} of RandomPointSampler', 'a whole number from 1')
        self.points = points

    def __call__(self, objects: Tensor, generator: Generator | None = None) -> Prompts:
        """O×N positive points."""
        return _positive(random_points(objects, self.points, generator))


@MODELS.register_module()
class EDTCentreSampler(PromptSampler):
    """The centre point of the lesion: the thesis's test prompt (:func:`.innermost_point`)."""

    def __call__(self, objects: Tensor, generator: Generator | None = None) -> Prompts:
        """O×1 positive points; nothing is random."""
        centres = [innermost_point(mask) for mask in objects.cpu().numpy()]
        return _positive(torch.tensor(centres, dtype=torch.float32, device=objects.device)[:, None])


@MODELS.register_module()
class JitteredBoxSampler(PromptSampler):
    """The lesion's bounding box with noise, and no point (:func:`.jittered_boxes`).

    Args:
        jitter: Standard deviation of the noise, as a share of the box's side; 0 for exact boxes.
        max_jitter: Largest deviation, in pixels of the grid of the masks.
        per_component: See :class:`PromptSampler`.
    """

    def __init__(
        self, *, jitter: float = 0.1, max_jitter: float = 20, per_component: bool = False
    ) -> None:
        super().__init__(per_component=per_component)
        if jitter < 0 or max_jitter < 0:
            raise MammoError(
                f'jitter={jitter}, max_jitter={max_jitter} of JitteredBoxSampler', '0 or more'
            )
        self.jitter = jitter
        self.max_jitter = max_jitter

    def __call__(self, objects: Tensor, generator: Generator | None = None) -> Prompts:
        """O boxes; N is 0."""
        none = objects.new_zeros((len(objects), 0, 2), dtype=torch.float32)
        boxes = jittered_boxes(objects, self.jitter, self.max_jitter, generator)
        return replace(_positive(none), boxes=boxes)


@MODELS.register_module()
class ErrorPointSampler(PromptSampler):
    """Prompts of another sampler, then clicks where the prediction is wrong.

    The SAM paper's simulation of a reader (appendix A), without its rounds that add no point.

    Args:
        first: The sampler of the first prompts, or its config, without ``per_component``.
        rounds: Further clicks; the model predicts before each of them, and once more at the end.
        per_component: See :class:`PromptSampler`.
    """

    def __init__(
        self, *, first: PromptSampler | dict[str, Any], rounds: int, per_component: bool = False
    ) -> None:
        super().__init__(per_component=per_component)
        if rounds < 1:
            raise MammoError(f'rounds={rounds} of ErrorPointSampler', 'a whole number from 1')
        self.first = MODELS.build(first) if isinstance(first, dict) else first
        if self.first.per_component:
            raise MammoError(
                'per_component=True of the first sampler of ErrorPointSampler',
                'per_component of ErrorPointSampler itself, which divides the mask for both',
                'Move per_component=True from first to the ErrorPointSampler',
            )
        self.rounds = rounds

    def __call__(self, objects: Tensor, generator: Generator | None = None) -> Prompts:
        """The prompts of ``first``."""
        return self.first(objects, generator)

    def next_prompts(
        self,
        prompts: Prompts,
        objects: Tensor,
        predicted: Tensor,
        generator: Generator | None = None,
    ) -> Prompts:
        """The same prompts and one more point per object (:func:`.error_points`).

        Args:
            prompts: N points per object, in pixels of the grid of ``objects``.
            objects: O×H×W bool, the truth.
            predicted: O×H×W bool.
            generator: Source of the random numbers.
        """
        points, labels = error_points(objects, predicted, generator)
        return replace(
            prompts,
            points=torch.cat([prompts.points, points], dim=1),
            labels=torch.cat([prompts.labels, labels], dim=1),
        )


def _positive(points: Tensor) -> Prompts:
    return Prompts(points, torch.ones(points.shape[:2], dtype=torch.int64, device=points.device))
