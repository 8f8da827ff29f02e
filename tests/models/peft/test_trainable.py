import copy
import gc
import hashlib
import weakref

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.peft.lora import merged_state
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


@pytest.mark.parametrize(('rank', 'alpha'), [(2, 2), (2, 8), (4, 1), (3, 16)])
def test_merged_lora_does_what_it_did_whatever_alpha_and_rank(rank, alpha):
    arch = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48)
    plain = dict(type='VPTVisionTransformer', arch=arch, img_size=32, patch_size=16, trainable='')
    plain |= dict(prompt_length=0, pretrained=None)
    settings = dict(rank=rank, alpha=alpha, targets=[dict(type='qkv')])
    model = nn.ModuleDict(
        {'backbone': MODELS.build(dict(type='mmpretrain.LoRAModel', module=plain, **settings))}
    )
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if 'lora_' in name:  # up starts at zero
            nn.init.normal_(parameter, std=0.3)
    merged = nn.ModuleDict({'backbone': MODELS.build(plain)})
    merged.load_state_dict(merged_state(model))
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        ours, theirs = (each['backbone'].eval()(image)[0] for each in (model, merged))
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)
    weight = merged['backbone'].state_dict()['layers.0.attn.qkv.weight']
    layer = dict(model['backbone'].module.named_modules())['layers.0.attn.qkv']
    step = layer.lora_up.weight @ layer.lora_down.weight * alpha / rank
    torch.testing.assert_close(weight, layer.original_layer.weight + step)
