import math

import pytest
import torch
from experiments import shrink
from mmpretrain.models import VisionTransformer
from mmseg.models.backbones import VisionTransformer as MMSegViT
from mmseg.registry import MODELS

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models import VPTVisionTransformer

ARCH = {'embed_dims': 32, 'num_layers': 3, 'num_heads': 4, 'feedforward_channels': 64}


def build(**options):
    torch.manual_seed(0)
    backbone = VPTVisionTransformer(arch=ARCH, img_size=64, **{'prompt_length': 5, **options})
    backbone.init_weights()
    return backbone


def plain_twin(backbone):
    """mmpretrain's own ViT with the same weights and no prompts."""
    twin = VisionTransformer(
        arch=ARCH,
        img_size=64,
        out_type='featmap',
        final_norm=backbone.final_norm,
        with_cls_token=backbone.with_cls_token,
        out_indices=list(backbone.out_indices),
    )
    twin.to(backbone.prompts.dtype)
    state = backbone.state_dict()
    del state['prompts']
    twin.load_state_dict(state)
    twin.eval()  # mmpretrain's does not return the module
    return twin


def recompute(backbone, images):
    """VPT written a second time: a loop over the plain ViT's layers, as section 3.2 of the paper.

    The last of what it returns are class token and prompts behind the last layer.
    """
    twin = plain_twin(backbone)
    extra, length = twin.num_extra_tokens, backbone.prompt_length
    tokens, (height, width) = twin.patch_embed(images)
    if extra:
        tokens = torch.cat([twin.cls_token.expand(len(images), -1, -1), tokens], dim=1)
    position = VisionTransformer.resize_pos_embed(
        twin.pos_embed, twin.patch_resolution, (height, width), 'bicubic', extra
    )
    tokens = tokens + position
    previous, features = tokens.new_zeros(len(images), 0, 32), []
    for index, layer in enumerate(twin.layers):
        if index < len(backbone.prompts):
            previous = backbone.prompts[index].expand(len(images), -1, -1)
        out = layer(torch.cat([tokens[:, :extra], previous, tokens[:, extra:]], dim=1))
        previous = out[:, extra : extra + length]
        tokens = torch.cat([out[:, :extra], out[:, extra + length :]], dim=1)
        last = index == len(twin.layers) - 1
        normed = twin.ln1(tokens) if last and twin.final_norm else tokens
        beside = twin.ln1(previous) if last and twin.final_norm else previous
        if index in backbone.out_indices:
            features.append(normed[:, extra:].transpose(1, 2).unflatten(2, (height, width)))
    return [*features, torch.cat([normed[:, :extra], beside], dim=1)]


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'prompt_depth': 1},
        {'prompt_depth': 2},
        {'with_cls_token': False},
        {'final_norm': True},
        {'out_indices': [0, 1, 2]},
        {'prompt_depth': 1, 'out_indices': [0, 2]},
    ],
)
@pytest.mark.parametrize('size', [(64, 64), (96, 48)])
def test_equals_an_independent_recomputation(options, size):
    backbone = build(**options).double()
    images = torch.randn(2, 3, *size).double()
    features = backbone(images)
    expected = recompute(backbone, images)[:-1]
    assert len(features) == len(expected)
    for ours, reference in zip(features, expected, strict=True):
        assert ours.shape == (2, 32, size[0] // 16, size[1] // 16)
        torch.testing.assert_close(ours, reference, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'prompt_depth': 1},
        {'prompt_depth': 2, 'final_norm': True},
        {'prompt_length': 0},
        {'out_indices': [0, 2]},
        {'checkpointing': True},
    ],
)
def test_tokens_are_those_behind_the_last_layer_of_a_recomputation(options):
    backbone = build(out_tokens=True, **options).double().train()
    images = torch.randn(2, 3, 64, 48).double()
    features = backbone(images)
    expected = recompute(backbone, images)
    assert len(features) == len(expected)
    assert features[-1].shape == (2, 1 + backbone.prompt_length, 32)
    for ours, reference in zip(features, expected, strict=True):
        torch.testing.assert_close(ours, reference, atol=1e-12, rtol=0)


@pytest.mark.parametrize('options', [{'with_cls_token': False}, {'out_indices': [0]}])
def test_tokens_that_are_not_there_are_refused(options):
    with pytest.raises(MammoError, match=r'out_tokens=True with out_indices=.* a class token'):
        build(out_tokens=True, **options)


def test_no_prompts_is_the_plain_vit_to_the_bit():
    backbone = build(prompt_length=0)
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(backbone(images)[0], plain_twin(backbone)(images)[0])


def test_prompts_change_the_features():
    backbone = build()
    images = torch.randn(1, 3, 64, 64)
    assert not torch.allclose(backbone(images)[0], plain_twin(backbone)(images)[0], atol=1e-3)


def test_samples_of_a_batch_do_not_mix():
    backbone = build()
    images = torch.randn(3, 3, 64, 64)
    alone = torch.cat([backbone(image[None])[0] for image in images])
    torch.testing.assert_close(backbone(images)[0], alone, atol=1e-5, rtol=0)


def test_every_layers_prompts_receive_a_gradient():
    backbone = build()
    backbone(torch.randn(1, 3, 64, 64))[0].square().sum().backward()
    assert (backbone.prompts.grad.abs().amax(dim=(1, 2)) > 0).all()


def test_prompts_start_uniform_within_the_bound_of_the_thesis():
    prompts = build(prompt_length=200).prompts.detach()
    bound = math.sqrt(6 / (3 * 16 * 16 + 32))
    assert prompts.abs().max() <= bound
    assert prompts.abs().max() > 0.99 * bound
    assert prompts.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_exactly_the_prompts_are_trained():
    assert {n for n, p in build().named_parameters() if p.requires_grad} == {'prompts'}
    assert not any(p.requires_grad for p in build(prompt_length=0).parameters())


def test_full_bias_and_head_only_tuning_are_values_of_one_argument():
    names = {name for name, _ in build().named_parameters()} - {'prompts'}
    biases = {name for name in names if name.endswith('.bias')}
    for options, expected in (
        ({'trainable': '.*', 'prompt_length': 0}, names),
        ({'trainable': '.*'}, names | {'prompts'}),
        ({'trainable': r'\.bias$', 'prompt_length': 0}, biases),
        ({'prompt_length': 0}, set()),
    ):
        found = build(**options).named_parameters()
        assert {name for name, p in found if p.requires_grad} == expected
    with pytest.raises(ValueError, match=r"'bais' is in no parameter name"):
        build(trainable='bais')


def test_a_tuned_backbone_follows_the_mode_of_the_model():
    backbone = build(trainable='.*', drop_rate=0.5).train()
    assert all(module.training for module in backbone.modules())
    assert not any(module.training for module in backbone.eval().modules())


def dropped(backbone, images):
    """Of each call of a dropout: the width of its output, and the share of zeros in it."""
    seen = []
    watch = lambda _, __, out: seen.append((out.shape[-1], float((out == 0).float().mean())))
    for module in backbone.modules():
        if isinstance(module, torch.nn.Dropout) and module.p:
            module.register_forward_hook(watch)
    backbone(images)
    return [width for width, _ in seen], [share for _, share in seen]


def test_dropout_acts_where_that_of_mmsegs_vit_does_and_in_training_only():
    """After the position embedding, the attention's projection and both layers of each MLP."""
    images = torch.randn(8, 3, 64, 64)
    ours = build(prompt_length=0, trainable='.*', drop_rate=0.1)
    sizes = dict(embed_dims=32, num_layers=3, num_heads=4, mlp_ratio=2, out_indices=2)
    theirs = MMSegViT(img_size=64, **sizes, drop_rate=0.1)
    for backbone in (ours, theirs):
        torch.nn.init.normal_(backbone.cls_token)  # zero at its start
        backbone.train()
        widths, shares = dropped(backbone, images)
        assert widths == [32] + 3 * [32, 64, 32]
        assert shares == pytest.approx([0.1] * 10, abs=0.02)
    assert not torch.equal(ours(images)[0], ours(images)[0])
    without = build(prompt_length=0, trainable='.*')
    without.load_state_dict(ours.state_dict())
    assert torch.equal(ours.eval()(images)[0], without.eval()(images)[0])


@pytest.mark.parametrize(
    ('kind', 'acts'),
    {
        'scratch': True,
        'finetune': True,
        'bias': False,
        'vpt': False,
        'head': False,
        'lora': False,
    }.items(),
)
def test_the_shipped_trainings_draw_dropout_or_do_not(kind, acts, tmp_path):
    backbone = shrink(f'setr_pup_{kind}_cbis', tmp_path, tmp_path).model.backbone
    backbone.get('module', backbone).pretrained = None
    model = MODELS.build(backbone)
    model.train()
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(model(images)[0], model(images)[0]) is not acts


def test_the_backbone_stays_in_eval_mode_and_prompt_dropout_does_not():
    backbone = build(prompt_dropout=0.5, drop_rate=0.5)
    assert backbone.train() is backbone
    assert backbone.training
    on = [name for name, module in backbone.named_modules() if module.training]
    assert on == ['', 'prompt_dropout']
    images = torch.randn(1, 3, 64, 64)
    assert not torch.equal(backbone(images)[0], backbone(images)[0])
    assert backbone.eval() is backbone
    assert torch.equal(backbone(images)[0], backbone(images)[0])


def test_prompt_dropout_is_drawn_for_each_image():
    backbone = build(prompt_dropout=0.5).train()
    twins = torch.randn(1, 3, 64, 64).expand(2, -1, -1, -1)
    first, second = backbone(twins)[0]
    assert not torch.allclose(first, second, atol=1e-4)


def test_a_random_frozen_backbone_is_warned_of(monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_mammo.models.backbones.vpt_vit.print_log', lambda *parts: said.append(parts)
    )
    build()
    assert any('random AND frozen' in message for message, *_ in said)
    said.clear()
    build(trainable='.*', prompt_length=0)
    assert not said


def test_frozen_weights_are_bit_identical_after_a_step():
    backbone = build(drop_rate=0.1).train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    optimizer = torch.optim.AdamW(backbone.parameters(), lr=0.1, weight_decay=0.1)
    backbone(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    optimizer.step()
    after = backbone.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {'prompts'}


@pytest.mark.parametrize('options', [{'prompt_depth': 0}, {'prompt_depth': 4}])
def test_an_impossible_depth_is_refused(options):
    with pytest.raises(ValueError, match=r'prompt_depth from 1 to 3'):
        build(**options)


@pytest.mark.skipif(
    not hasattr(torch, 'get_autocast_dtype'), reason='torch before 2.4 breaks a graph at hooks'
)
@pytest.mark.parametrize(
    'options', [{}, {'prompt_depth': 1}, {'checkpointing': True}, {'out_tokens': True}]
)
def test_torch_compiles_it_as_one_graph(options):
    backbone = build(**options).train()
    compiled = torch.compile(backbone.forward, backend='aot_eager', fullgraph=True)
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(compiled(images)[0], backbone(images)[0], atol=1e-5, rtol=1e-5)
