"""The presence head, against numbers by hand, plain torch and scikit-learn."""

import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from sklearn.metrics import log_loss

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.presence.head import PresenceHead, pool


def samples(*labels):
    return [SegDataSample(metainfo=dict(annotated=label)) for label in labels]


def head(**settings):
    torch.manual_seed(0)
    return PresenceHead(**{'in_channels': 3, **settings}).eval()


def features(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_map_becomes_its_average_and_maximum_by_hand():
    found = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]], [[-1.0, -1.0], [-1.0, 3.0]]]])
    assert pool(found).tolist() == [[3.0, 0.0, 6.0, 3.0]]


def test_tokens_become_the_first_and_the_mean_of_the_others_by_hand():
    tokens = torch.tensor([[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]])
    assert pool(tokens).tolist() == [[1.0, 10.0, 3.0, 30.0]]
    assert pool(tokens[:, :1]).tolist() == [[1.0, 10.0, 1.0, 10.0]]  # no prompts


@pytest.mark.parametrize('hidden', [None, 5])
def test_logits_are_those_of_plain_torch(hidden):
    ours = head(in_channels=(3, 4), in_indices=(0, -1), hidden_channels=hidden, dropout_ratio=0.5)
    deep, other, tokens = features(2, 3, 4, 5), features(2, 9, 8, 8), features(2, 6, 4, seed=1)
    state = ours.state_dict()
    pooled = torch.cat(
        [deep.mean((2, 3)), deep.amax((2, 3)), tokens[:, 0], tokens[:, 1:].mean(1)], dim=1
    )
    x = F.layer_norm(pooled, (14,), state['layers.0.weight'], state['layers.0.bias'])
    if hidden:
        x = F.gelu(x @ state['layers.1.weight'].T + state['layers.1.bias'])
    last = max(int(name.split('.')[1]) for name in state)
    expected = x @ state[f'layers.{last}.weight'].T + state[f'layers.{last}.bias']
    assert ours((deep, other, tokens)).shape == (2,)
    torch.testing.assert_close(ours((deep, other, tokens)), expected[:, 0])


def test_the_loss_is_scikit_learns_over_the_images_whose_label_is_known():
    ours = head(loss_weight=0.5)
    deep = features(4, 3, 2, 2)
    given = samples('lesion', 'no', 'normal', 'lesion')
    logits = ours([deep]).detach().double()
    found = ours.loss([deep], given)
    probability = logits[[0, 2, 3]].sigmoid().numpy()
    assert found['loss_presence'].item() == pytest.approx(
        0.5 * log_loss([1, 0, 1], probability), rel=1e-5
    )
    right = [logits[0] > 0, logits[2] <= 0, logits[3] > 0]
    assert found['acc_presence'].item() == pytest.approx(100 * sum(map(bool, right)) / 3)


def test_zero_logits_lose_the_logarithm_of_two():
    ours = head()
    for parameter in ours.layers[-1].parameters():
        torch.nn.init.zeros_(parameter)
    found = ours.loss([features(2, 3, 2, 2)], samples('lesion', 'normal'))
    assert found['loss_presence'].item() == pytest.approx(math.log(2))
    assert found['acc_presence'].item() == 50


def test_a_batch_without_labels_loses_nothing_and_moves_nothing():
    ours = head()
    found = ours.loss([features(2, 3, 2, 2)], samples('no', 'no'))
    assert list(found) == ['loss_presence']
    found['loss_presence'].backward()
    assert found['loss_presence'].item() == 0
    for parameter in ours.parameters():  # there, so that no process waits for it, and zero
        assert parameter.grad is not None
        assert not parameter.grad.any()


def test_an_image_without_label_has_no_gradient():
    ours = head()
    deep = features(2, 3, 2, 2).requires_grad_()
    ours.loss([deep], samples('lesion', 'no'))['loss_presence'].backward()
    assert deep.grad[0].any()
    assert not deep.grad[1].any()


def test_it_learns_what_can_be_told_apart():
    torch.manual_seed(0)
    ours = MODELS.build(dict(type='PresenceHead', in_channels=(3,), hidden_channels=8))
    deep = features(16, 3, 4, 4)
    deep[::2, 1, 2, 2] += 8.0  # one bright position in every other image
    given = samples(*['lesion', 'normal'] * 8)
    optimizer = torch.optim.Adam(ours.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        found = ours.loss([deep], given)
        found['loss_presence'].backward()
        optimizer.step()
    assert found['acc_presence'].item() == 100
    assert found['loss_presence'].item() < 0.1


def test_half_precision_gives_float32():
    assert head().bfloat16()([features(1, 3, 2, 2).bfloat16()]).dtype == torch.float32


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(in_channels=4), 'in_channels has 4 for output 0 of the backbone, which has 3'),
        (dict(in_indices=2), 'in_indices has 2; the backbone has 1 outputs. Allowed: 0 to 0'),
        (dict(in_indices=(0, 1)), r'in_channels=\(3,\), in_indices=\(0, 1\)'),
        (dict(in_channels=(), in_indices=()), 'a number of channels for each output'),
    ],
)
def test_what_does_not_fit_the_backbone_is_named(settings, message):
    with pytest.raises(MammoError, match=message):
        head(**settings)([features(1, 3, 2, 2)])
