"""The head that classifies first against mmseg's: values, gradients, and what is kept."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_mammo.models import LeanUPHead


def pair(dropout=0.0, classes=1):
    settings = dict(in_channels=16, channels=12, num_classes=2, out_channels=classes, threshold=0.5)
    settings |= dict(num_convs=3, up_scale=2, kernel_size=3, dropout_ratio=dropout)
    settings |= dict(norm_cfg=dict(type='BN'))
    torch.manual_seed(0)
    theirs, ours = (MODELS.build(dict(type=t, **settings)) for t in ('SETRUPHead', 'LeanUPHead'))
    torch.nn.init.normal_(theirs.conv_seg.bias)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


@pytest.mark.parametrize('dropout', [0.0, 0.5])
@pytest.mark.parametrize('training', [True, False])
def test_values_and_gradients_are_those_of_mmseg(training, dropout):
    features, ends = torch.randn(3, 16, 4, 5).double(), []
    for head in pair(dropout):
        head.double().train(training)
        given = features.clone().requires_grad_()
        torch.manual_seed(1)  # of dropout
        logits = head((given,))
        assert logits.shape == (3, 1, 32, 40)
        logits.square().sum().backward()
        ends.append([logits, given.grad, *(p.grad for p in head.parameters())])
    for ours, theirs in zip(*ends, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-10)


def test_no_channel_is_kept_on_the_last_grid():
    largest = []
    for head in pair():
        sizes = []
        pack = lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            head((torch.randn(1, 16, 4, 4),))
        largest.append(max(sizes))
    assert largest == [12 * 16**2, 12 * 32**2]


def test_it_stands_in_for_mmsegs_by_its_name():
    assert MODELS.get('LeanUPHead') is LeanUPHead
    assert pair(classes=2)[0].state_dict().keys() == pair(classes=2)[1].state_dict().keys()
