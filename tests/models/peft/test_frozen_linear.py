"""Frozen linear layers under autocast: the same results, and one copy of the weights."""

import copy
import pickle

import pytest
import torch
from torch import nn

from mmseg_mammo.models import VPTVisionTransformer
from mmseg_mammo.models.peft.frozen_linear import (
    FrozenLinear,
    autocast_format,
    copy_frozen_once,
    part_of,
)


def pair(bias=True):
    torch.manual_seed(0)
    theirs = nn.Sequential(nn.Linear(4, 6, bias=bias)).requires_grad_(False)
    ours = copy.deepcopy(theirs)
    copy_frozen_once(ours)
    assert type(ours[0]) is FrozenLinear
    return ours[0], theirs[0]


def half(layer, x):
    with torch.autocast('cpu', dtype=torch.bfloat16):
        return layer(x)


X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('bias', [True, False])
def test_results_are_those_of_autocast_to_the_bit(bias):
    for run in (half, lambda layer, x: layer(x)):
        ends = []
        for layer in pair(bias):
            x = X.clone().requires_grad_()
            output = run(layer, x)
            output.float().square().sum().backward()
            ends.append([output, x.grad])
        assert ends[0][0].dtype == ends[1][0].dtype
        assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_a_copy_is_made_once_and_again_when_weights_change():
    layer, plain = pair()
    half(layer, X)
    first = layer._copy
    half(layer, X)
    assert layer._copy is first
    with torch.no_grad():
        for each in (layer, plain):
            each.weight.mul_(2)
            each.bias.add_(1)
    assert torch.equal(half(layer, X), half(plain, X))
    for each in (layer, plain):
        each.weight.data.mul_(2)  # no version counts this
        each.train()
    assert torch.equal(half(layer, X), half(plain, X))


def test_copies_are_part_of_no_checkpoint_and_no_copy_of_a_model():
    layer, plain = pair()
    half(layer, X)
    assert layer.state_dict().keys() == plain.state_dict().keys()
    assert copy.deepcopy(layer)._copy is None
    assert pickle.loads(pickle.dumps(layer))._copy is None


def test_trained_layers_and_inference_are_left_alone():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4).requires_grad_(False))
    copy_frozen_once(model)
    assert [type(layer) for layer in model] == [nn.Linear, FrozenLinear]
    with torch.inference_mode():
        half(model, X)
    assert model[1]._copy is None
    model[1].bias.requires_grad_(True)  # thawed later, alone
    half(model[1], X).float().sum().backward()
    assert torch.equal(model[1].bias.grad, torch.full((4,), 3.0))
    model.requires_grad_(True)
    half(model, X).float().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_part_of_the_output():
    layer, plain = pair()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        whole = layer(X)
        for each in (layer, plain):
            torch.testing.assert_close(part_of(each, X, slice(2, 5)), whole[:, 2:5])
    assert torch.equal(part_of(layer, X, slice(0, 6)), plain(X))


def test_the_format_of_autocast_is_read():
    assert autocast_format('cpu') is None
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert autocast_format('cpu') == torch.bfloat16
        assert autocast_format('cuda') is None


def test_a_vit_with_frozen_weights_has_them():
    arch = {'embed_dims': 16, 'num_layers': 2, 'num_heads': 2, 'feedforward_channels': 32}
    for trainable, expected in (('', True), ('.*', False)):
        modules = VPTVisionTransformer(arch=arch, trainable=trainable).modules()
        linear = [module for module in modules if isinstance(module, nn.Linear)]
        assert len(linear) == 2 * 4
        assert all(isinstance(module, FrozenLinear) is expected for module in linear)


def test_weights_without_data_and_those_of_inference_mode_are_taken_as_they_are():
    ours, theirs = pair()
    assert ours.to('meta')(X.to('meta')).shape == (3, 6)
    with torch.inference_mode():
        ours, theirs = pair()
    with torch.no_grad():  # an inference tensor has no version to compare
        assert torch.equal(half(ours, X), half(theirs, X))


@pytest.mark.parametrize('settings', [{}, {'fused': True}, {'foreach': True}])
def test_a_layer_that_was_trained_in_between_forgets_its_copy(settings):
    for layer, plain in (pair(), pair(bias=False)):
        half(layer, X)
        try:
            optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, **settings)
        except RuntimeError as error:  # fused before torch 2.4
            pytest.skip(str(error))
        layer.requires_grad_(True)
        half(layer, X).float().square().sum().backward()
        optimizer.step()
        layer.requires_grad_(False)
        plain.load_state_dict(layer.state_dict())
        assert torch.equal(half(layer, X), half(plain, X))
