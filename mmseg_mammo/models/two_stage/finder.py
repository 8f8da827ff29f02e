"""Finder: the map of the first stage, and its peaks on the image that the second one looks at."""

from collections.abc import Sequence

import numpy as np
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.grids import check_finite, lesion_probability
from mmseg_mammo.models.input_grid import picture_shape
from mmseg_mammo.models.two_stage.peaks import Peak


def finder_maps(
    finder: BaseSegmentor, inputs: Tensor, data_samples: Sequence[SegDataSample]
) -> list[np.ndarray]:
    """The probabilities of a finder on the grid of its input, without padding: h×w float32 each.

    Args:
        finder: Any segmentor without prompts.
        inputs: B×3×S×S, normalised.
        data_samples: B; they stay as they are.

    Raises:
        MammoError: An input is flipped, as test-time augmentation does; or a probability is not a
            number.
    """
    size = (inputs.shape[-2], inputs.shape[-1])
    scratch = []
    for sample in data_samples:
        if sample.metainfo.get('flip'):
            raise MammoError(
                f'{sample.metainfo.get("img_path", "an image")}: a flipped input for a two-stage model',
                remedy='Leave --tta and RandomFlip out: it has no test-time augmentation',
            )
        shape = picture_shape(sample, size)
        scratch.append(SegDataSample(metainfo={**sample.metainfo, 'ori_shape': shape}))
    maps = []
    for found in finder.predict(inputs, scratch) if scratch else ():
        probability = lesion_probability(found.seg_logits.data)
        check_finite(probability, found.metainfo)
        maps.append(probability.cpu().numpy())
    return maps


def scale_peaks(peaks: Sequence[Peak], grid: tuple[int, ...], shape: tuple[int, int]) -> list[Peak]:
    """Peaks of a map of ``grid`` = (h, w) in pixels of an image of ``shape`` = (H, W)."""
    sy, sx = shape[0] / grid[0], shape[1] / grid[1]
    return [
        Peak((p.x + 0.5) * sx - 0.5, (p.y + 0.5) * sy - 0.5, p.score, p.extent * max(sx, sy))
        for p in peaks
    ]
