"""Grids: bring the prediction of one image onto the grid of a comparison. Pure functions."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_mammo.errors import MammoError

# How a prediction came to the grid: as the network gave it, or from the grid of the masks, onto
# which mmseg had resized it.
NETWORK, MASKS = 'network', 'masks'


def lesion_probability(logits: Tensor) -> Tensor:
    """H×W float probabilities from mmseg's 1×H×W (sigmoid applied) or 2×H×W (raw) logits."""
    data = logits.float()
    return data[0] if len(data) == 1 else torch.softmax(data, dim=0)[1]


def prediction_origin(sample: Mapping[str, Any], size: tuple[int, int]) -> str:
    """The origin of predictions on a grid: ``NETWORK`` if it is the grid of the network's input."""
    own = sample.get('input_logits')
    return NETWORK if own is not None and tuple(own['data'].shape[-2:]) == size else MASKS


def probability_on(sample: Mapping[str, Any], size: tuple[int, int]) -> Tensor:
    """H×W probabilities on a grid of (H, W).

    Args:
        sample: mmseg's sample as a dict, with ``seg_logits`` and, of models that keep them,
            ``input_logits``.
        size: (H, W).

    Returns:
        Those of the network, where it is its own grid; else those on the grid of the masks,
        resized bilinearly.
    """
    if prediction_origin(sample, size) == NETWORK:
        return lesion_probability(sample['input_logits']['data'])
    return resize_probability(lesion_probability(sample['seg_logits']['data']), size)


def candidates_on(sample: Mapping[str, Any], size: tuple[int, int]) -> Tensor:
    """K×H×W probabilities of a sample's candidates, and of ``best_of_each`` if it has one.

    Made on the grid as the kept mask is (:func:`probability_on`).
    """
    own = prediction_origin(sample, size) == NETWORK
    names = [f'{"input_" * own}{name}' for name in ('candidates', 'best_of_each')]
    logits = torch.cat([sample[name]['data'] for name in names if name in sample])
    both = torch.stack([torch.zeros_like(logits), logits], dim=1)
    found = [lesion_probability(one) for one in both]
    return torch.stack(found if own else [resize_probability(one, size) for one in found])


def resize_probability(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """H×W probabilities on a grid of ``size`` = (H', W'), bilinearly."""
    return F.interpolate(grid[None, None], size, mode='bilinear')[0, 0]


def check_finite(probability: Tensor, sample: Mapping[str, Any]) -> None:
    """Refuse probabilities of which one is not a number.

    Args:
        probability: H×W.
        sample: With ``img_path``, which the error names.

    Raises:
        MammoError: One is not.
    """
    if not torch.isfinite(probability.sum()):  # one value that is no number makes it none
        raise MammoError(
            f'{sample.get("img_path", "")}: the model gives probabilities that are not numbers',
            remedy='The training has diverged: lower the learning rate, or train without --amp',
        )


def check_threshold(probability: Tensor, predicted: Tensor, threshold: float) -> None:
    """Refuse a threshold that gives another mask than the model's own.

    Args:
        probability: H×W.
        predicted: H×W bool, the model's mask.
        threshold: Of the metric.

    Raises:
        MammoError: It does.
    """
    differs = (probability > threshold) != predicted
    # The softmax of nearly equal logits may round to the threshold.
    if differs.any() and ((probability[differs] - threshold).abs() > 1e-6).any():
        raise MammoError(
            f"the metric's threshold {threshold} gives other masks than the model's own",
            'one threshold for both',
            'Set threshold of MammographyMetric in val_evaluator and test_evaluator to '
            'model.decode_head.threshold',
        )
