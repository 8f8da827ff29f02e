"""Logit counts: a histogram of the logits of pixels, from which thresholds and temperatures are chosen."""

import torch
from torch import Tensor

from mmseg_mammo.evaluation.out_of_fold.held_out import BINS, RANGE, WIDTH

# Logits are read at this temperature: a sigmoid of float32 is 1 from 17 on, and tells nothing then.
PROBE = 8.0


def count_logits(probability: Tensor, truth: Tensor, temperature: float) -> Tensor:
    """A histogram of logits, 2×K counts: of background and of lesion.

    Args:
        probability: H×W at ``temperature``; pixels of exactly 0 are outside the breast.
        truth: H×W bool.
        temperature: That the logits were divided by.
    """
    logits = temperature * torch.logit(probability.double())
    bins = ((logits.clamp(-RANGE, RANGE - WIDTH / 2) + RANGE) / WIDTH).long()
    inside = probability > 0
    found = [torch.bincount(bins[inside & kind], minlength=BINS) for kind in (~truth, truth)]
    return torch.stack(found).cpu()
