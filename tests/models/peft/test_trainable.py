import copy
import gc
import hashlib
import weakref

import pytest
import torch
from torch import nn

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.peft.trainable import (
    count_parameters,
    fingerprint,
    guard_frozen,
    train_only,
)


def test_only_the_named_parameters_are_trained():
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    train_only(module, {'1.bias'})
    assert {n for n, p in module.named_parameters() if p.requires_grad} == {'1.bias'}
    assert count_parameters(module) == (2 * 3 + 3 + 3 * 4 + 4, 4)


def test_a_name_that_does_not_exist_is_refused():
    with pytest.raises(KeyError, match=r'Linear has no parameter prompt'):
        train_only(nn.Linear(2, 3), {'prompt'})


def test_the_fingerprint_is_of_names_and_values_of_what_is_frozen():
    """As checkpoints without LoRA have it: it must not change."""
    module = nn.Linear(2, 1)
    module.weight.data = torch.tensor([[1.0, 2.0]])
    train_only(module, {'bias'})
    expected = hashlib.sha256(b'weight' + module.weight.detach().numpy().tobytes()).hexdigest()
    assert fingerprint(module) == expected


def test_a_guarded_module_and_its_copy_refuse_a_state_dict_without_the_frozen_parameters():
    module = nn.Linear(2, 1)
    train_only(module, {'bias'})
    guard_frozen(module)
    twin = copy.deepcopy(module)
    train_only(twin, {'weight'})
    for one, enough in ((module, 'weight'), (twin, 'bias')):
        state = one.state_dict()
        one.load_state_dict({enough: state[enough]}, strict=False)
        with pytest.raises(CheckpointError, match='none of the 1 frozen weights of Linear'):
            one.load_state_dict(
                {name: v for name, v in state.items() if name != enough}, strict=False
            )


def test_a_copy_of_a_guarded_module_does_not_keep_the_original():
    module = nn.Linear(2, 1)
    guard_frozen(module)
    twin, original = copy.deepcopy(module), weakref.ref(module)
    del module
    gc.collect()
    assert original() is None
    twin.load_state_dict(twin.state_dict())


def test_the_fingerprint_is_of_the_frozen_weights_alone():
    layer = torch.nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    before = fingerprint(layer)
    with torch.no_grad():
        layer.weight += 1
    assert fingerprint(layer) == before
    with torch.no_grad():
        layer.bias[0] += 1e-6
    assert fingerprint(layer) != before
