"""Logit counts: every pixel in the bin of its logit, whatever the temperature."""

import numpy as np
import pytest
import torch

from mmseg_mammo.engine.validation.logit_counts import PROBE, count_logits
from mmseg_mammo.evaluation.grids import lesion_probability


def test_pixels_outside_the_breast_are_not_counted():
    logits = torch.tensor([[-400.0, 3.0], [40.0, -90.0]])
    truth = torch.tensor([[False, True], [True, False]])
    probability = (logits / PROBE).sigmoid()
    probability[0, 0] = 0  # what breast_only leaves there
    background, lesion = count_logits(probability, truth, PROBE).numpy()
    assert (background.sum(), lesion.sum()) == (1, 2)
    middles = (np.arange(len(lesion)) + 0.5) * 0.02 - 64
    assert middles[lesion > 0] == pytest.approx([3, 40], abs=0.02)
    assert middles[background > 0] == pytest.approx([-64], abs=0.02)


def test_logits_of_two_channels_are_the_difference():
    logits = torch.randn(2, 5, 5, generator=torch.Generator().manual_seed(0)) * 3
    found = count_logits(lesion_probability(logits), torch.zeros(5, 5, dtype=torch.bool), 1.0)[0].numpy()
    middles = (np.arange(len(found)) + 0.5) * 0.02 - 64
    mean = (found @ middles) / found.sum()
    assert mean == pytest.approx(float((logits[1] - logits[0]).mean()), abs=0.02)
