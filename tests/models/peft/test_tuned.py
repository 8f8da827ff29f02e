"""Tuned segmentor: what is frozen keeps weights, statistics and mode."""

import pytest
import torch
from experiments import shrink
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.models.peft.tuned import calm_frozen


def build(tmp_path, trainable, **more):
    init_default_scope('mmseg')
    model = shrink('unet_cbis', tmp_path, tmp_path).model
    return MODELS.build({**model, 'type': 'TunedEncoderDecoder', 'trainable': trainable, **more})


def norms(module):
    return [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def test_norm_layers_of_what_is_frozen_do_not_move(tmp_path):
    model = build(tmp_path, r'^decode_head\.|^backbone\.decoder\.0\.')
    model.train()
    assert not any(norm.training for norm in norms(model.backbone.encoder))
    assert all(norm.training for norm in norms(model.backbone.decoder[0]))
    assert model.decode_head.training
    before = {name: value.clone() for name, value in model.named_buffers()}
    model.extract_feat(torch.randn(2, 3, 32, 32))
    moved = {n for n, v in model.named_buffers() if not torch.equal(v, before[n])}
    assert moved
    assert all('decoder.0.' in name for name in moved)
    assert not any(module.training for module in model.eval().modules())


def test_trained_norm_layers_are_in_training_mode(tmp_path):
    model = build(tmp_path, r'\.bn\.weight$')
    assert all(norm.training for norm in norms(model.backbone))
    convolutions = [m for m in model.backbone.modules() if isinstance(m, nn.Conv2d)]
    assert not any(one.weight.requires_grad for one in convolutions)


def test_predictions_are_those_of_the_model_itself(tmp_path):
    tuned = build(tmp_path, 'decode_head').eval()
    init_default_scope('mmseg')
    plain = MODELS.build(shrink('unet_cbis', tmp_path, tmp_path).model).eval()
    plain.load_state_dict(tuned.state_dict())
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(tuned(image, mode='tensor'), plain(image, mode='tensor'))


def test_frozen_weights_come_from_the_start(tmp_path):
    start = build(tmp_path, 'decode_head')
    torch.save({'state_dict': start.state_dict()}, tmp_path / 'start.pth')
    other = build(tmp_path, 'decode_head', pretrained=str(tmp_path / 'start.pth'))
    own = other.decode_head.conv_seg.weight.clone()
    other.load_base()
    assert torch.equal(other.decode_head.conv_seg.weight, own)
    for name, value in start.backbone.named_parameters():
        assert torch.equal(value, dict(other.backbone.named_parameters())[name])
    state = start.state_dict()
    del state['backbone.encoder.0.0.convs.0.conv.weight']
    torch.save({'state_dict': state}, tmp_path / 'start.pth')
    with pytest.raises(CheckpointError, match='is not in it'):
        other.load_base()


def test_a_pattern_that_names_nothing_is_refused(tmp_path):
    with pytest.raises(MammoError, match='in no parameter name'):
        build(tmp_path, 'nothing')


def test_modules_without_parameters_follow_their_surroundings():
    trained, frozen = nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)
    whole = nn.Sequential(nn.Sequential(trained, nn.Dropout()), nn.Sequential(frozen, nn.Dropout()))
    calm_frozen(whole.train())
    assert [module.training for module in (whole[0][1], whole[1][1])] == [True, False]
