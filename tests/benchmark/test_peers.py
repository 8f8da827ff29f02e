"""Other projects' encoders in our segmentor: the same function, the same training."""

import pytest
import torch
from experiments import shrink
from mmengine.optim import build_optim_wrapper
from mmseg.models.backbones import VisionTransformer as MMSegVisionTransformer
from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import Attention

from mmseg_mammo.benchmark.batch import synthetic_batch
from mmseg_mammo.benchmark.peers import check_peers, copy_weights, with_peer
from mmseg_mammo.benchmark.train_step import build_model
from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.peft.trainable import count_parameters


@pytest.fixture
def config(tmp_path):
    """A shrunk experiment; no image of it is read."""
    return lambda name: shrink(name, tmp_path, tmp_path)


def train(model, cfg, steps=3):
    """Losses of the first steps."""
    torch.manual_seed(0)  # of prompts
    optimizer = build_optim_wrapper(model.train(), cfg.optim_wrapper)
    batch = synthetic_batch(2, 32, 32)
    return [float(model.train_step(batch, optimizer)['loss'].detach()) for _ in range(steps)]


@pytest.mark.parametrize('peer', ['mmseg', 'timm'])
@pytest.mark.parametrize('tuning', ['vpt', 'vpt_shallow', 'bias', 'head', 'finetune'])
def test_a_peer_trains_the_same_parameters_to_the_same_losses(config, tuning, peer):
    cfg = config(f'setr_pup_{tuning}_cbis')
    cfg.optim_wrapper.optimizer.lr = 1e-2  # so that a parameter that is not trained shows
    if peer == 'mmseg':  # it draws the same dropout in another order
        cfg.model.backbone.drop_rate = 0.0
    torch.manual_seed(0)
    ours = build_model(cfg)
    theirs = with_peer(ours, peer)
    assert count_parameters(theirs) == count_parameters(ours)
    assert not {p.data_ptr() for p in theirs.parameters()} & {
        p.data_ptr() for p in ours.parameters()
    }
    found = train(ours, cfg)
    assert len(set(found)) == 3
    assert train(theirs, cfg) == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize('tuning', ['finetune', 'decoder'])
def test_metas_encoder_trains_the_same_parameters_to_the_same_losses(config, tuning):
    cfg = config(f'sam_{tuning}_cbis')
    torch.manual_seed(0)
    ours = build_model(cfg)
    for name, parameter in ours.image_encoder.named_parameters():
        if 'pos' in name:  # else zero, and then any attention would do
            torch.nn.init.normal_(parameter, std=0.5)
    theirs = with_peer(ours, 'segment-anything')
    assert type(theirs.image_encoder) is ImageEncoderViT
    assert {type(block.attn) for block in theirs.image_encoder.blocks} == {Attention}
    assert count_parameters(theirs) == count_parameters(ours)
    found = train(ours, cfg)
    assert len(set(found)) == 3
    assert train(theirs, cfg) == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize(('tuning', 'count'), [('vpt', 0), ('finetune', 1 + 2 * 3)])
def test_peers_have_the_dropout_of_ours(config, tuning, count):
    ours = build_model(config(f'setr_pup_{tuning}_cbis'))
    for model in (ours, with_peer(ours, 'mmseg'), with_peer(ours, 'timm')):
        rates = [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout) and m.p]
        assert rates == [0.1] * count


def test_the_peers_are_the_other_projects_own_classes(config):
    ours = build_model(config('setr_pup_vpt_cbis'))
    assert type(with_peer(ours, 'mmseg').backbone) is MMSegVisionTransformer
    assert type(with_peer(ours, 'timm').backbone.vit).__module__.startswith('timm.')


def test_a_config_with_another_encoder_has_no_peer(config):
    for name, found in (('unet_cbis', 'UNet'), ('setr_pup_lora_cbis', 'LoRAModel')):
        with pytest.raises(
            MammoError, match=rf'--against timm: .*{found}.*backbone is VPTVisionTransformer'
        ):
            with_peer(build_model(config(name)), 'timm')
    for name, cfg in (
        ('segment-anything', config('unet_cbis')),
        ('mmseg', config('sam_finetune_cbis')),
    ):
        with pytest.raises(MammoError, match=rf'--against {name}: .* is (UNet|SAMImageEncoder)'):
            with_peer(build_model(cfg), name)


def test_peers_that_no_config_has_are_refused_by_the_configs_alone(config):
    sam, vit, lora = (
        config(f'{name}_cbis').model for name in ('sam_finetune', 'setr_pup_vpt', 'sam_lora')
    )
    check_peers([sam, vit, lora], ['segment-anything', 'timm', 'mmseg'])
    for models, name in (([sam, lora], 'timm'), ([vit, lora], 'segment-anything')):
        with pytest.raises(MammoError, match=f'--against {name}: no config here has its encoder'):
            check_peers(models, [name])


def test_a_peer_that_is_not_installed_is_said_before_anything_is_built(config, monkeypatch):
    monkeypatch.setattr('mmseg_mammo.benchmark.peers.find_spec', lambda name: None)
    with pytest.raises(MammoError, match=r'timm: not installed.*pip install timm'):
        check_peers([config('setr_pup_vpt_cbis').model], ['timm'])


def test_options_that_a_peer_does_not_have_are_refused(config):
    cfg = config('setr_pup_vpt_cbis')
    cfg.model.backbone.pre_norm = True
    with pytest.raises(MammoError, match=r'--against mmseg: it has no such VPTVisionTransformer'):
        with_peer(build_model(cfg), 'mmseg')


def test_weights_that_do_not_match_are_an_error():
    with pytest.raises(RuntimeError, match=r'Missing key'):
        copy_weights(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), ())
