"""Prompt functions: sample points and boxes from masks, and clicks from errors. Pure functions.

Masks are O×H×W bool, one per object; coordinates are (x, y) in pixels of that grid, the centre of
the upper left pixel being (0, 0). Random numbers are drawn on the device of the generator, by
default the CPU, so that a seed gives the same places on every device.
"""

import numpy as np
import torch
from scipy import ndimage
from torch import Generator, Tensor


def random_points(masks: Tensor, count: int, generator: Generator | None = None) -> Tensor:
    """Random pixels of each mask, drawn uniformly and with replacement.

    Args:
        masks: O×H×W bool. In an empty one the whole image is drawn from (thesis III-A3).
        count: Points per mask, N.
        generator: Source of the random numbers.

    Returns:
        O×N×2 float32.

    >>> random_points(torch.tensor([[[False, True]]]), 2).tolist()
    [[[1.0, 0.0], [1.0, 0.0]]]
    """
    width = masks.shape[-1]
    drawn = []
    for mask in masks.flatten(1):
        pixels = mask.nonzero()[:, 0]
        among = len(pixels) or mask.numel()
        device = generator.device if generator else 'cpu'
        rank = torch.randint(among, (count,), generator=generator, device=device).to(mask.device)
        drawn.append(pixels[rank] if len(pixels) else rank)
    flat = torch.stack(drawn)
    return torch.stack([flat % width, flat // width], dim=-1).float()


def innermost_point(mask: np.ndarray) -> tuple[float, float]:
    """The centre point of a mask: the pixel farthest from its border (Euclidean distance).

    The border of the image is a border too, as in RITM and SAM 2 (facebookresearch/sam2 at
    2b90b9f, ``sample_one_point_from_error_center``): the point of a lesion that the image cuts
    stays inside the picture instead of on its edge. Of several pixels that are equally far (the
    middle line of a rectangle) the one closest to their mean is taken, and of these the first in
    reading order.

    Args:
        mask: H×W bool.

    Returns:
        (x, y); of an empty mask the centre of the image (thesis III-A3).

    >>> innermost_point(np.ones((3, 5), bool))
    (2.0, 1.0)
    """
    if not mask.any():
        return (mask.shape[1] - 1) / 2, (mask.shape[0] - 1) / 2
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    # One pixel of background around the crop is all that the distances inside can depend on.
    depth = ndimage.distance_transform_edt(np.pad(mask[rows, columns], 1))
    deepest = np.argwhere(depth == depth.max())
    off_mean = ((deepest - deepest.mean(axis=0)) ** 2).sum(axis=1)
    y, x = deepest[off_mean.argmin()] - 1
    return float(x + columns.start), float(y + rows.start)


def jittered_boxes(
    masks: Tensor, jitter: float, max_jitter: float, generator: Generator | None = None
) -> Tensor:
    """Bounding boxes with normal noise on each coordinate (SAM, appendix A, training algorithm).

    Args:
        masks: O×H×W bool. The box of an empty one is the whole image, without noise.
        jitter: Standard deviation, as a share of the box's side in the same direction.
        max_jitter: Largest deviation, in pixels.
        generator: Source of the random numbers.

    Returns:
        O×4 float32, x1 ≤ x2 and y1 ≤ y2, inside the image.

    >>> jittered_boxes(torch.tensor([[[False, True, True]]]), jitter=0.0, max_jitter=20).tolist()
    [[1.0, 0.0, 2.0, 0.0]]
    """
    height, width = masks.shape[1:]
    whole = torch.tensor([0, 0, width - 1, height - 1], dtype=torch.float32)
    device = generator.device if generator else 'cpu'
    noise = torch.randn(len(masks), 4, generator=generator, device=device).cpu()
    boxes = []
    for mask, deviation in zip(masks, noise, strict=True):
        pixels = mask.nonzero().cpu().float()
        if not len(pixels):
            boxes.append(whole)
            continue
        low, high = pixels.amin(0).flip(0), pixels.amax(0).flip(0)  # (x, y)
        side = (high - low + 1).repeat(2)
        shift = (jitter * side * deviation).clamp(-max_jitter, max_jitter)
        moved = torch.cat([low, high]) + shift
        # Much noise may swap two sides; the corners are sorted again.
        corners = moved.view(2, 2).sort(dim=0).values.view(4)
        boxes.append(torch.minimum(corners.clamp(min=0), whole[2:].repeat(2)))
    return torch.stack(boxes).to(masks.device)


def error_points(
    truth: Tensor, predicted: Tensor, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """One click per object where prediction and truth differ (SAM, appendix A).

    A pixel is drawn uniformly from all wrong ones. On a missed pixel the click is positive, on
    a false alarm negative.

    Args:
        truth: O×H×W bool.
        predicted: O×H×W bool.
        generator: Source of the random numbers.

    Returns:
        Points, O×1×2 float32, and labels, O×1 int64. A perfect prediction gets padding: point
        (0, 0) and label -1.

    >>> points, labels = error_points(torch.tensor([[[True, True]]]), torch.tensor([[[True, False]]]))
    >>> points.tolist(), labels.tolist()
    ([[[1.0, 0.0]]], [[1]])
    """
    wrong = truth ^ predicted
    points = random_points(wrong, 1, generator)
    x, y = points[:, 0].long().unbind(-1)
    labels = truth[torch.arange(len(truth), device=truth.device), y, x].long()
    perfect = ~wrong.flatten(1).any(dim=1)
    points = points.masked_fill(perfect[:, None, None], 0)
    return points, labels.masked_fill(perfect, -1)[:, None]
