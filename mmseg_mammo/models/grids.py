"""From the grid of a prepared image to that of the network's input, padding included."""

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.io.image import resize_mask

IGNORED = 255


def picture_shape(sample: SegDataSample, shape: tuple[int, int]) -> tuple[int, int]:
    """(h, w) of the picture in an input of ``shape`` = (H, W); the rest, right and below, is padding.

    The data preprocessor notes what it padded, as mmseg's ``postprocess_result`` reads it.
    """
    meta = sample.metainfo
    left, right, top, bottom = meta.get('img_padding_size') or meta.get('padding_size') or [0] * 4
    return shape[0] - top - bottom, shape[1] - left - right


def truth_on_input(sample: SegDataSample, shape: tuple[int, int]) -> Tensor:
    """The true mask of a sample on the grid of the network's input.

    Training has it there already. Validation and tests have it on the image's own grid; it is
    resized by nearest neighbour, no lesion vanishes, and padding is filled with 255.

    Args:
        sample: With ``gt_sem_seg``, 1×H×W.
        shape: (H', W') of the input.

    Returns:
        1×H'×W', dtype and device of the mask.
    """
    truth = sample.gt_sem_seg.data
    if truth.shape[-2:] == shape:
        return truth
    height, width = picture_shape(sample, shape)
    resized = resize_mask(truth[0].cpu().numpy(), (height, width))
    margins = ((0, shape[0] - height), (0, shape[1] - width))
    padded = np.pad(resized, margins, constant_values=IGNORED)
    return torch.from_numpy(padded)[None].to(truth)
