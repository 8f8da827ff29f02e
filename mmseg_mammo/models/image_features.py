"""Image features: what the encoder of a model makes of an image, in few numbers that can be compared."""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

NUMBERS = 32
_DECIMALS = 4


def encoder_of(model: nn.Module) -> tuple[str, nn.Module] | None:
    """The part of a model that turns an image into features, and its name.

    Args:
        model: Out of its wrappers.

    Returns:
        None for a model that has none by a name known here, as of an ONNX file; or that sees an image
        in parts (``mode='slide'``).
    """
    if (getattr(model, 'test_cfg', None) or {}).get('mode') == 'slide':
        return None
    if isinstance(finder := getattr(model, 'finder', None), nn.Module):  # of two stages
        found = encoder_of(finder)
        return found and (f'finder.{found[0]}', found[1])
    if isinstance(members := getattr(model, 'members', None), nn.ModuleList):  # of folds
        found = encoder_of(members[0])
        return found and (f'members.0.{found[0]}', found[1])
    for name in ('backbone', 'image_encoder'):
        part = getattr(model, name, None)
        if isinstance(part, nn.Module):
            return name, part
    return None


def image_features(found: Any) -> np.ndarray | None:
    """Features of B images in 32 numbers each, whose distances are nearly those of the features.

    The means over the deepest feature map (U-Net: the bottleneck; ViT: the tokens of the last block;
    SAM: the embedding), divided by their length, are projected by one random matrix (Johnson and
    Lindenstrauss), the same for all models of a width.

    Args:
        found: What an encoder returns: feature maps of B×C×h×w, perhaps several, and others.

    Returns:
        B×32 float64, rounded to four decimals; None if there is no feature map.
    """
    maps = [one for one in _tensors(found) if one.ndim == 4]
    if not maps:
        return None
    deepest = min(reversed(maps), key=lambda one: one.shape[-2] * one.shape[-1])
    means = deepest.detach().float().mean(dim=(2, 3)).cpu().numpy().astype(np.float64)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return (means / np.maximum(lengths, 1e-12) @ _matrix(means.shape[1])).round(_DECIMALS)


class FeatureProbe:
    """Keeps the features of the images that a model predicts on, of the pass that it makes anyway.

    Args:
        model: Whose encoder is looked at; one without any gives none.
    """

    def __init__(self, model: nn.Module) -> None:
        self._found: list[np.ndarray] = []
        encoder = encoder_of(model)
        if encoder is not None:
            encoder[1].register_forward_hook(self._look)

    def clear(self) -> None:
        """Forget; before a batch."""
        self._found = []

    def first(self, count: int) -> list[np.ndarray | None]:
        """Features of the first ``count`` images since :meth:`clear`; 32 numbers each, or None."""
        rows = [row for batch in self._found for row in batch][:count]
        return [*rows] if len(rows) == count else [None] * count

    def _look(self, _module: nn.Module, _inputs: Any, found: Any) -> None:
        with torch.no_grad():
            features = image_features(found)
        if features is not None:
            self._found.append(features)


@functools.cache
def _matrix(width: int) -> np.ndarray:
    """C×32. The legacy generator: numpy promises that its numbers never change."""
    return np.random.RandomState(0).standard_normal((width, NUMBERS)) / np.sqrt(NUMBERS)


def _tensors(found: Any) -> list[Tensor]:
    if isinstance(found, Tensor):
        return [found]
    if isinstance(found, (list, tuple)):
        return [tensor for one in found for tensor in _tensors(one)]
    return []
