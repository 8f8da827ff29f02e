"""Background: prompts that are not on a lesion, as objects whose true mask is empty."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Generator, Tensor

from mmseg_mammo.models.input_grid import IGNORED, picture_shape, true_mask, truth_on_input
from mmseg_mammo.models.prompts.interaction import Interaction
from mmseg_mammo.models.prompts.samplers import PromptSampler

_MARGIN = 0.02  # of the longer side: nearer to a lesion, its border may be drawn wrongly
_RADII = 0.01, 0.08  # of the longer side, from small masses to large ones


def background_regions(
    free: Tensor, lesion: Tensor, count: int, generator: Generator | None = None
) -> Tensor:
    """Random discs beside the lesion, from which a sampler can draw as if they were one.

    Every pixel of ``free`` is as likely to be the centre of a disc as any other; radii are
    log-uniform, 1 to 8 % of the longer side. Discs end at the border of ``free`` and 2 % of the
    longer side before the lesion.

    Args:
        free: H×W bool, where they may be.
        lesion: H×W bool.
        count: R, the number of them.
        generator: Source of the random numbers.

    Returns:
        R×H×W bool, none of them empty; no region where ``free`` has no pixel beside the lesion.
    """
    side = max(lesion.shape)
    if lesion.any():
        away = cv2.distanceTransform((~lesion).numpy().astype(np.uint8), cv2.DIST_L2, 3)
        free = free & torch.from_numpy(away > _MARGIN * side)
    pixels = free.nonzero()
    if not len(pixels):
        return free.new_zeros((0, *free.shape))
    rows, columns = torch.arange(free.shape[0])[:, None], torch.arange(free.shape[1])
    low, high = map(math.log, _RADII)
    regions = []
    for _ in range(count):
        y, x = pixels[torch.randint(len(pixels), (), generator=generator)]
        radius = side * math.exp(low + (high - low) * float(torch.rand((), generator=generator)))
        regions.append(free & ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2))
    return torch.stack(regions) if regions else free.new_zeros((0, *free.shape))


def prompts_with_background(
    sample: SegDataSample,
    shape: tuple[int, int],
    sampler: PromptSampler,
    share: float,
    breast: Callable[[], np.ndarray] | None = None,
    generator: Generator | None = None,
) -> Interaction:
    """As :func:`.prompts_from_truth`, with an object on the background.

    An image without a lesion has it instead of a lesion, one with a lesion with probability
    ``share`` beside it. Prompts of it are drawn by the same sampler from a disc
    (:func:`background_regions`), so that nothing but the place tells them from those of a lesion.

    Args:
        sample: With ``gt_sem_seg``; pixels that are ignored there are not clicked.
        shape: (H', W') of the input.
        sampler: Draws the prompts.
        share: From 0 to 1.
        breast: Gives h×w bool of the picture, where the background is clicked; None, or a
            breast without a free pixel, for anywhere.
        generator: Source of the random numbers; None for torch's own.
    """
    mask = true_mask(sample, shape)
    height, width = picture_shape(sample, shape)
    lesions = sampler.objects(mask) if mask.any() else mask.new_zeros((0, height, width))
    wanted = not len(lesions) or float(torch.rand((), generator=generator)) < share
    regions = lesions[:0]
    if wanted:
        known = truth_on_input(sample, shape)[0, :height, :width].cpu() != IGNORED
        places = [torch.from_numpy(breast()) & known] if breast else []
        for free in (*places, known, torch.ones_like(known)):
            regions = background_regions(free, mask, 1, generator)
            if len(regions):
                break
    objects = torch.cat([lesions, torch.zeros_like(regions)])
    return Interaction(
        sampler(torch.cat([lesions, regions]), generator), objects, sampler, generator
    )
