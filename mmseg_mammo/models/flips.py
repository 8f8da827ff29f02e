"""Flips: the mean of what a network says of an image and of its three mirror images."""

from collections.abc import Callable, Sequence

from torch import Tensor

# Axes of C×H×W that are turned around: left and right, up and down, both.
_TURNED = ((2,), (1,), (1, 2))


def mean_over_flips(
    network: Callable[[Tensor], Tensor],
    inputs: Tensor,
    pictures: Sequence[tuple[int, int]] | None = None,
    alone: Tensor | None = None,
) -> Tensor:
    """The mean logits of an image and its mirror images, each turned back (nnU-Net: Isensee et al., 2021).

    Args:
        network: B×3×S×S -> B×C×S×S logits.
        inputs: B×3×S×S.
        pictures: (h, w) of each picture in its input; the rest, right and below, is padding, and stays
            where it is. None: there is none.
        alone: Logits of ``inputs``, where they are known.

    Returns:
        B×C×S×S, on the grid of ``inputs``.
    """
    total = network(inputs) if alone is None else alone
    for axes in _TURNED:
        total = total + _turn(network(_turn(inputs, axes, pictures)), axes, pictures)
    return total / (1 + len(_TURNED))


def _turn(
    maps: Tensor, axes: tuple[int, ...], pictures: Sequence[tuple[int, int]] | None
) -> Tensor:
    shape = tuple(maps.shape[2:])
    if pictures is None or all(picture == shape for picture in pictures):
        return maps.flip([axis + 1 for axis in axes])
    turned = maps.clone()
    for index, (height, width) in enumerate(pictures):
        turned[index, :, :height, :width] = maps[index, :, :height, :width].flip(axes)
    return turned
