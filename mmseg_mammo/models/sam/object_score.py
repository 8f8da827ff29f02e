"""Object score: trains a SAM to say whether there is a lesion where it was asked.

Shape shorthand: O objects, K candidates, H×W pixels of the network's input.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Generator, Tensor
from torchvision.ops import sigmoid_focal_loss

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.breast import find_breast
from mmseg_mammo.models.input_grid import picture_shape
from mmseg_mammo.models.prompts.background import prompts_with_background
from mmseg_mammo.models.prompts.interaction import Interaction, prompts_from_truth
from mmseg_mammo.models.prompts.samplers import PromptSampler
from mmseg_mammo.models.sam.mask_decoder import Round

PLACES = ('breast', 'picture')
MaskLoss = Callable[[Tensor, Tensor, Tensor, Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class ObjectScore:
    """How an object score is trained.

    Attributes:
        background_share: Probability that an image with a lesion is also asked about its
            background. An image without a lesion always is.
        background_in: Where the background is asked about: in the ``'breast'``
            (:func:`.find_breast`), or anywhere on the ``'picture'``.
        loss_weight: Factor of ``loss_object``.
        gamma: Exponent of the focal loss (Lin et al., 2018); 0 for cross-entropy.
    """

    background_share: float = 0.25
    background_in: str = 'breast'
    loss_weight: float = 1.0
    gamma: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if not 0 <= self.background_share <= 1:
            raise MammoError(
                f'object_score.background_share={self.background_share}', 'a share from 0 to 1'
            )
        if self.background_in not in PLACES:
            raise MammoError(
                f'object_score.background_in={self.background_in!r}', ', '.join(PLACES)
            )
        if self.loss_weight < 0 or self.gamma < 0:
            raise MammoError(
                f'object_score: loss_weight={self.loss_weight}, gamma={self.gamma}', '0 or more'
            )


def read_object_score(settings: Mapping[str, Any] | None) -> ObjectScore | None:
    """The settings of a config; None for a model without an object score.

    Raises:
        MammoError: One of them does not exist, or its value means nothing.
    """
    if settings is None:
        return None
    known = [field.name for field in fields(ObjectScore)]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise MammoError(f'object_score.{unknown[0]}: no such setting', ', '.join(known))
    return ObjectScore(**settings)


def picture_breast(levels: Tensor, sample: SegDataSample) -> np.ndarray:
    """The breast on the network's input, as it lies there, without padding.

    Args:
        levels: 3×H×W grey levels, not normalised.
        sample: With the metainfo of padding, if there was any.

    Returns:
        h×w bool.
    """
    height, width = picture_shape(sample, (levels.shape[-2], levels.shape[-1]))
    return find_breast(levels[:, :height, :width].float().mean(dim=0).cpu().numpy())


def training_prompts(
    sample: SegDataSample,
    levels: Tensor,
    sampler: PromptSampler,
    generator: Generator | None,
    settings: ObjectScore | None,
) -> Interaction:
    """What an image is asked about when losses are computed: its lesion, and the background.

    Args:
        sample: With ``gt_sem_seg``.
        levels: 3×H×W grey levels, not normalised.
        sampler: Of the prompts.
        generator: Its random numbers; None for torch's own.
        settings: None for the lesion alone.
    """
    shape = (levels.shape[-2], levels.shape[-1])
    if settings is None:
        return prompts_from_truth(sample, shape, sampler, generator)
    breast = partial(picture_breast, levels, sample) if settings.background_in == 'breast' else None
    share = settings.background_share
    return prompts_with_background(sample, shape, sampler, share, breast, generator)


def round_losses(
    found: Round,
    objects: Tensor,
    valid: Tensor,
    mask_loss: MaskLoss,
    settings: ObjectScore | None,
) -> dict[str, Tensor]:
    """Losses of one image and round: each object has those that are defined for it.

    Args:
        found: With ``object_logit`` beside ``settings``.
        objects: O×H×W bool, the true masks; an empty one is an object that is not there.
        valid: H×W bool, pixels that count. Where none does, nobody knows which object is there:
            all losses are 0.
        mask_loss: Of masks and predicted IoUs, such as :class:`.BestMaskLoss`.
        settings: None for ``mask_loss`` alone, of all objects.

    Returns:
        The losses of ``mask_loss``, means over the objects that are there, 0 where there is none;
        and ``loss_object``, the mean over all.
    """
    if settings is None or found.object_logit is None:
        return mask_loss(found.logits, found.iou, objects, valid)
    present = objects.flatten(1).any(dim=1)
    if present.any():
        losses = mask_loss(found.logits[present], found.iou[present], objects[present], valid)
    else:  # for their names
        none = mask_loss(found.logits.detach(), found.iou.detach(), objects, valid)
        losses = {name: torch.zeros_like(loss) for name, loss in none.items()}
    logit = found.object_logit.float()
    each = sigmoid_focal_loss(logit, present.to(logit), alpha=-1, gamma=settings.gamma)
    # Not left out where nothing is known: a batch of such images would have no graph.
    known = settings.loss_weight if valid.any() else 0.0
    return {**losses, 'loss_object': known * each.mean()}
