"""Whether a forward pass is recorded instead of run."""

import torch

from mmseg_mammo.models.tracing import is_traced


def test_tracing_is_seen():
    seen = []

    def forward(x):
        seen.append(is_traced())
        return x + 1

    forward(torch.zeros(1))
    torch.jit.trace(forward, torch.zeros(1), check_trace=False)
    assert seen == [False, True]
