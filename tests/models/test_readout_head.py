"""Read-out head: shapes, and that it uses every map."""

import torch

from mmseg_mammo.models.readout_head import ReadoutHead


def build():
    torch.manual_seed(0)
    return ReadoutHead(
        in_channels=[6, 6, 4],
        in_index=[0, 1, 2],
        channels=8,
        num_classes=2,
        out_channels=1,
        threshold=0.5,
        norm_cfg=dict(type='BN'),
    ).eval()


def maps():
    torch.manual_seed(1)
    return torch.randn(2, 6, 3, 3), torch.randn(2, 6, 6, 6), torch.randn(2, 4, 3, 3)


def test_logits_are_four_times_the_finest_grid():
    assert build()(maps()).shape == (2, 1, 24, 24)


def test_every_map_and_every_weight_counts():
    head, inputs = build().train(), [each.requires_grad_() for each in maps()]
    head(inputs).square().mean().backward()
    assert all(each.grad.abs().sum() > 0 for each in inputs)
    unused = [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert not [name for name in unused if 'bias' not in name]


def test_maps_are_normalised_one_by_one():
    head, inputs = build(), maps()
    louder = (inputs[0] * 1000, *inputs[1:])
    torch.testing.assert_close(head(inputs), head(louder), rtol=1e-3, atol=1e-3)
