"""Flips: the mean of what a network says of an image and of its three mirror images."""

from collections.abc import Callable

from torch import Tensor

# Axes of B×C×H×W that are turned around: left and right, up and down, both.
_TURNED = ((3,), (2,), (2, 3))


def mean_over_flips(network: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The mean logits of an image and its mirror images, each turned back (nnU-Net: Isensee et al., 2021).

    Args:
        network: B×3×S×S -> B×C×S×S logits.
        inputs: B×3×S×S.

    Returns:
        B×C×S×S, on the grid of ``inputs``.
    """
    total = network(inputs)
    for axes in _TURNED:
        total = total + network(inputs.flip(axes)).flip(axes)
    return total / (1 + len(_TURNED))
