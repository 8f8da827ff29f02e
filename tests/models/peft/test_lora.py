"""mmpretrain's LoRA: frozen weights, and its whole state dict merged."""

import pytest
import torch
from experiments import shrink, write_base
from mmseg.registry import MODELS
from torch import nn

from mmseg_mammo.models.peft.lora import merged_state, omits_frozen


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


def test_the_state_of_a_model_without_lora_is_its_own():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    model[0].requires_grad_(False)
    merged = merged_state(model)
    assert merged.keys() == model.state_dict().keys()
    assert all(torch.equal(merged[name], value) for name, value in model.state_dict().items())


def test_lora_omits_its_frozen_base_and_other_frozen_modules_omit_nothing():
    """mmpretrain leaves what it froze out of the state dict."""
    plain = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert not omits_frozen(plain)
    plain[0].requires_grad_(False)
    assert not omits_frozen(plain)
    arch = dict(embed_dims=24, num_layers=1, num_heads=2, feedforward_channels=48)
    base = dict(type='VPTVisionTransformer', arch=arch, img_size=32, patch_size=16, trainable='')
    base |= dict(prompt_length=0, pretrained=None)
    lora = dict(type='mmpretrain.LoRAModel', module=base, rank=2, alpha=2)
    tuned = MODELS.build(dict(lora, targets=[dict(type='qkv')]))
    assert omits_frozen(tuned)
    assert omits_frozen(nn.Sequential(plain, tuned))
    for parameter in tuned.parameters():
        parameter.requires_grad_(True)
    assert not omits_frozen(tuned)


def test_lora_starts_as_the_plain_backbone_and_adds_the_product_of_its_matrices(prepared, tmp_path):
    """Hu et al., ICLR 2022, section 4.1: W x + (alpha / r) B A x, with B zero at the start."""
    base = write_base(tmp_path / 'base.pth', 'setr', prepared)
    build = lambda name: MODELS.build(shrink(name, prepared, '', pretrained=base).model.backbone)
    lora, plain = build('setr_pup_lora_cbis').eval(), build('setr_pup_head_cbis')
    plain.init_weights()
    images = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(lora(images)[0], plain.eval()(images)[0])
    layer = lora.module.layers[0].attn.qkv
    torch.nn.init.normal_(layer.lora_up.weight)
    tokens = torch.randn(2, 24)
    expected = layer.original_layer(tokens)
    expected = expected + (tokens @ layer.lora_down.weight.T) @ layer.lora_up.weight.T  # 8 / 8
    torch.testing.assert_close(layer(tokens), expected)
