"""A layer with prompts beside its tokens: the plain layer's result, and what is not computed."""

import pytest
import torch
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from mmpretrain.models.peft.lora import LoRALinear

from mmseg_mammo.models import VPTVisionTransformer
from mmseg_mammo.models.backbones.prompted_layer import PromptedLayer
from mmseg_mammo.models.peft.trainable import train_only

IMAGES, TOKENS, PROMPTS, WIDTH = 3, 10, 4, 8


def layer(**options):
    torch.manual_seed(0)
    found = TransformerEncoderLayer(WIDTH, 2, 32, **options).double()
    for parameter in found.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    found.__class__ = PromptedLayer
    return found.eval()


def with_lora(found):
    found.attn.qkv = LoRALinear(found.attn.qkv, alpha=4, rank=2).double()
    torch.nn.init.normal_(found.attn.qkv.lora_up.weight)
    return found


@pytest.mark.parametrize('prompts', [1, IMAGES])
@pytest.mark.parametrize(
    'make',
    [
        layer,
        lambda: layer(qkv_bias=False),
        lambda: layer(layer_scale_init_value=0.3),
        lambda: with_lora(layer()),
    ],
)
def test_prompts_beside_the_tokens_are_prompts_among_them(make, prompts):
    """Values, and the gradients of tokens, prompts and every weight."""
    ends = []
    tokens, prompts = torch.randn(IMAGES, TOKENS, WIDTH), torch.randn(prompts, PROMPTS, WIDTH)
    for beside in (True, False):
        found = make()
        given = [part.double().clone().requires_grad_() for part in (tokens, prompts)]
        if beside:
            output = found(*given)
        else:
            own = given[1].expand(IMAGES, -1, -1)
            joined = torch.cat([given[0][:, :1], own, given[0][:, 1:]], dim=1)
            output = found(joined)
            output = torch.cat([output[:, :1], output[:, 1 + PROMPTS :]], dim=1)
        output.square().sum().backward()
        ends.append([output, *(t.grad for t in (*given, *found.parameters()))])
    for ours, theirs in zip(*ends, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-9)


def build(**options):
    torch.manual_seed(0)
    arch = {'embed_dims': 16, 'num_layers': 3, 'num_heads': 2, 'feedforward_channels': 64}
    return VPTVisionTransformer(arch=arch, img_size=64, prompt_length=PROMPTS, **options)


@pytest.mark.parametrize(('depth', 'expected'), [(None, [17, 17, 17]), (2, [17, 21, 21])])
def test_an_mlp_sees_no_prompt_that_the_next_layer_drops(depth, expected):
    """16 patches and the class token; prompts of the second layer flow on if it is the last one with its own."""
    backbone, seen = build(prompt_depth=depth), []
    for each in backbone.layers:
        each.ffn.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[1]))
    backbone(torch.randn(2, 3, 64, 64))
    assert seen == expected


def test_the_part_before_the_first_prompt_is_without_graph():
    backbone, graphs = build(), []
    backbone.layers[0].ln1.register_forward_hook(
        lambda *parts: graphs.append(parts[2].requires_grad)
    )
    backbone(torch.randn(2, 3, 64, 64))
    assert graphs == [False, True]  # tokens, prompts


def kept(backbone, images):
    """Numbers that the backward pass needs beside weights, each storage once."""
    weights = {p.untyped_storage().data_ptr() for p in backbone.parameters()}
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        features = backbone(images)
    assert features[0].requires_grad
    return sum(size for pointer, size in sizes.items() if pointer not in weights)


def test_a_frozen_layer_keeps_no_input_of_its_linear_layers():
    """Of a layer of the middle: 10 widths of tokens and keys with values of prompts, beside statistics.

    Inputs of both norms, queries, keys, values, their mixture, and 4 widths before the GELU.
    """
    images, growth = torch.randn(2, 3, 64, 64), []
    for depth in (3, 4):
        torch.manual_seed(0)
        arch = {'embed_dims': 16, 'num_layers': depth, 'num_heads': 2, 'feedforward_channels': 64}
        backbone = VPTVisionTransformer(arch=arch, img_size=64, prompt_length=PROMPTS)
        growth.append(kept(backbone, images))
    tokens, width = 2 * 17, 16
    statistics = 2 * 2 * tokens + 2 * tokens + 3 * PROMPTS  # of norms, of the softmax, of prompts
    least = 10 * tokens * width + 2 * 2 * PROMPTS * width
    assert least <= growth[1] - growth[0] <= least + 2 * statistics


def test_no_optimizer_state_and_no_gradient_for_frozen_weights():
    backbone = build()
    optimizer = torch.optim.AdamW(backbone.parameters(), weight_decay=0.1)
    backbone(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    optimizer.step()
    assert [p for p in backbone.parameters() if p.grad is not None] == [backbone.prompts]
    assert list(optimizer.state) == [backbone.prompts]


@pytest.mark.parametrize(
    'options', [{}, {'prompt_depth': 1}, {'trainable': '.*', 'drop_rate': 0.3}]
)
def test_checkpointing_changes_nothing_but_what_is_kept(options):
    images, ends, sizes = torch.randn(2, 3, 64, 64), [], []
    for checkpointing in (False, True):
        backbone = build(checkpointing=checkpointing, **options).train()
        torch.manual_seed(1)  # of dropout
        features = backbone(images)[0]
        features.square().sum().backward()
        ends.append([features, *(p.grad for p in backbone.parameters() if p.grad is not None)])
        sizes.append(kept(backbone, images))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))
    assert sizes[0] > 2 * sizes[1]


def test_trained_projections_get_their_gradient():
    found = layer()
    train_only(found, {'attn.qkv.weight'})
    found(torch.randn(2, 5, WIDTH).double(), torch.randn(1, 3, WIDTH).double()).sum().backward()
    assert (found.attn.qkv.weight.grad.abs().amax(1) > 0).all()


def test_attention_drops_pairs_while_training_only():
    tokens, prompts = torch.randn(2, 5, WIDTH).double(), torch.randn(1, 3, WIDTH).double()
    plain, dropping = layer()(tokens, prompts), layer(attn_drop_rate=0.5)
    assert torch.equal(dropping(tokens, prompts), plain)
    assert not torch.allclose(dropping.train()(tokens, prompts), plain)
