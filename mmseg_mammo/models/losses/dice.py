"""Soft Dice loss: one value per image, so that small lesions weigh as much as large ones."""

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn


def soft_dice(probability: Tensor, truth: Tensor, valid: Tensor, smooth: float) -> Tensor:
    """Soft Dice coefficient of each image (Milletari et al., V-Net, 2016, without the squares).

    ``(2 Σ p·g + s) / (Σ p + Σ g + s)`` over the valid pixels of one image. On an empty truth
    it is 1 for an empty prediction and falls with every predicted pixel, so that its gradient
    pushes normal images towards no lesion.

    Args:
        probability: B×H×W, 0 to 1.
        truth: B×H×W, 0 or 1.
        valid: B×H×W bool, pixels that count.
        smooth: The s above, in pixels; positive.

    Returns:
        B, 0 to 1.
    """
    valid = valid.to(probability)
    overlap = (probability * truth * valid).flatten(1).sum(1)
    total = ((probability + truth) * valid).flatten(1).sum(1)
    return (2 * overlap + smooth) / (total + smooth)


@MODELS.register_module()
class LesionDiceLoss(nn.Module):
    """One minus :func:`soft_dice` of the lesion class, averaged over the images of a batch.

    mmseg's ``DiceLoss`` sums over all images of the batch and over the background too.

    Args:
        smooth: See :func:`soft_dice`.
        normals: Whether images without a lesion count. Where few pixels are predicted on one, the gradient
            of each is a hundred times that of a lesion's, so that many normals silence the mask; False
            leaves them to the other losses, and is the mean over images with a lesion.
        loss_weight: Factor of the loss.
        loss_name: Key in the log; it must begin with ``loss_`` to be trained on.
    """

    def __init__(
        self,
        *,
        smooth: float = 1.0,
        normals: bool = True,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_dice',
    ) -> None:
        super().__init__()
        if smooth <= 0:
            raise ValueError(f'smooth={smooth}: a positive number of pixels is allowed')
        self.smooth = smooth
        self.normals = normals
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        **kwargs: Any,
    ) -> Tensor:
        """Scalar loss.

        Args:
            pred: Logits, B×1×H×W (sigmoid) or B×2×H×W (softmax).
            target: B×H×W, 0 background, 1 lesion, ``ignore_index`` not counted.
            weight: B×H×W weights of pixels, or None.
            ignore_index: Value of ``target`` that is not counted.
            kwargs: What mmseg's heads pass to other losses.
        """
        logits = pred.float()  # sums over many pixels need more digits than half precision has
        valid = target != ignore_index
        if logits.shape[1] == 1:
            probability = logits[:, 0].sigmoid()
        else:
            probability = torch.softmax(logits, dim=1)[:, 1]
        counted = valid if weight is None else valid * weight
        truth = (target == 1).to(probability)
        losses = 1 - soft_dice(probability, truth, counted, self.smooth)
        if self.normals:
            return self.loss_weight * losses.mean()
        lesion = truth.flatten(1).any(dim=1).to(losses)
        return self.loss_weight * (losses * lesion).sum() / lesion.sum().clamp(min=1)
