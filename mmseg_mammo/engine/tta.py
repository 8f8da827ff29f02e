"""Test-time augmentation: merges probabilities so that scores fit the merged mask."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models import SegTTAModel
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_mammo.errors import MammoError

SMALLEST = torch.finfo(torch.float32).tiny  # its logarithm is finite


def check_merging(model: nn.Module) -> None:
    """Refuse to merge sigmoids, and give merged predictions the logits that fit their mask.

    mmseg's ``SegTTAModel`` leaves the logits of the last copy on a merged sample, and a mask
    without channel: a metric would measure probabilities that are not those of the mask.

    Args:
        model: Of a test, out of its wrapper for several processes.

    Raises:
        MammoError: It merges as mmseg's does, and the model inside has one output channel.
    """
    if not isinstance(model, SegTTAModel):
        return
    if type(model).merge_preds is not SegTTAModel.merge_preds:
        return  # it merges in its own way
    if model.module.out_channels == 1:
        raise MammoError(
            f'{type(model).__name__} of a model with one output channel: its probabilities would '
            'pass through the sigmoid twice, so that every pixel is lesion',
            'two output channels (model.decode_head.out_channels=2 model.decode_head.threshold=None)',
            'Train with two channels, test without test-time augmentation, or take mammoseg predict '
            '--tta, which knows one channel',
        )
    host = model.merge_preds
    output = getattr(model.module, 'test_output', None)
    threshold = getattr(output, 'threshold', None)

    def merge_preds(copies: list[Sequence[SegDataSample]]) -> list[Any]:
        means = [mean_probability(each) for each in copies]
        presences = [mean_presence(each) for each in copies]
        merged = host(copies)
        for sample, mean, presence in zip(merged, means, presences, strict=True):
            for name in set(sample.keys()) - {'gt_sem_seg'}:
                delattr(sample, name)  # of the last copy
            sample.seg_logits = PixelData(data=mean.clamp(min=SMALLEST).log())
            sample.pred_sem_seg = PixelData(data=merged_mask(mean, threshold))
            if output is not None and presence is not None:
                output.gate(sample, presence)
        return merged

    model.merge_preds = merge_preds


def merged_mask(mean: torch.Tensor, threshold: float | None) -> torch.Tensor:
    """1×H×W classes of C×H×W mean probabilities, cut at a ``threshold`` if there is one."""
    if threshold is None:
        return mean.argmax(dim=0, keepdim=True)
    return (mean[1:2] > threshold).long()


def mean_probability(copies: Sequence[SegDataSample]) -> torch.Tensor:
    """C×H×W mean over the copies of one image of the softmax of their C×H×W logits, float32."""
    return torch.stack([s.seg_logits.data.float().softmax(dim=0) for s in copies]).mean(dim=0)


def mean_presence(copies: Sequence[SegDataSample]) -> float | None:
    """Mean over the copies of one image of their raw logits of presence; None without."""
    found = [sample.metainfo.get('presence_logit') for sample in copies]
    return None if None in found else sum(found) / len(found)
