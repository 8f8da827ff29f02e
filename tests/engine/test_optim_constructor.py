"""Weight decay moves nothing that no gradient has reached, and everything else as before."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from sam_models import SIDE, our_config, randomised, sample_of, square

from mmseg_mammo.io.shipped import find_config, shipped_configs

SAM = [name for name in shipped_configs() if name.rpartition('/')[2].startswith('sam_')]
SAM = [name for name in SAM if name.endswith('_cbis') and 'zeroshot' not in name]
BOXES = dict(type='JitteredBoxSampler')
CLICKS = dict(type='ErrorPointSampler', first=dict(type='RandomPointSampler'), rounds=2)
# What no loss reaches, beside the layers of the fourth mask, which has none at all.
PARTS = {
    'points': ({}, ('point_embeddings.0', 'point_embeddings.2', 'point_embeddings.3', 'mask_down')),
    'boxes': (
        {'train_prompts': BOXES},
        ('point_embeddings.0', 'point_embeddings.1', 'not_a_point', 'mask_down'),
    ),
    'clicks': ({'train_prompts': CLICKS}, ('point_embeddings.2', 'point_embeddings.3')),
}


def small_sam(seed=0, **changes):
    torch.manual_seed(seed)
    return randomised(MODELS.build(our_config(**changes))).train()


def wrapper_of(model, **optimizer):
    cfg = Config.fromfile(find_config('sam_finetune_cbis')).optim_wrapper
    cfg.optimizer.update(lr=1e-3, weight_decay=0.1, **optimizer)
    return build_optim_wrapper(model, cfg)


def step(model, wrapper, seed):
    """One optimiser step; True per element where its gradient was not zero."""
    torch.manual_seed(seed)
    samples = [sample_of(square(top=4 + 8 * seed)), sample_of(square(left=30))]
    loss, _ = model.parse_losses(model.loss(torch.randn(2, 3, SIDE, SIDE), samples))
    # A gradient that is missing in one process is zero once several have talked.
    wrapper.backward(loss + 0 * sum(p.sum() for p in model.parameters()))
    reached = {name: p.grad != 0 for name, p in model.named_parameters()}
    wrapper.step()
    wrapper.zero_grad()
    return reached


@pytest.mark.parametrize('prompts', PARTS)
def test_what_no_gradient_reaches_stays_bit_for_bit_and_all_else_moves(prompts):
    changes, parts = PARTS[prompts]
    model = small_sam(**changes)
    start, wrapper = copy.deepcopy(dict(model.named_parameters())), wrapper_of(model)
    steps = [step(model, wrapper, seed) for seed in range(5)]
    still = set()
    for name, parameter in model.named_parameters():
        reached = torch.stack([found[name] for found in steps]).any(0)
        moved = parameter != start[name]
        assert not moved[~reached].any(), name
        assert moved[reached].float().mean() > 0.99 or not reached.any(), name
        still |= {name} if not moved.any() else set()
    for part in (*parts, 'output_hypernetworks_mlps.0'):
        named = {name for name, _ in model.named_parameters() if part in name}
        assert named, part
        assert named <= still, part
    unused = {name for name in still if 'prompt_encoder' in name}
    assert all(any(part in name for part in parts) for name in unused)
    # Of a layer that all four masks share the fourth's row alone.
    row = 'mask_decoder.iou_prediction_head.layers.2.weight'
    assert torch.equal(dict(model.named_parameters())[row][0], start[row][0])


def test_what_was_reached_once_decays_in_every_step_as_without():
    """One weight has a gradient in the first step alone; its twin without the rule is the same."""
    ends = []
    for constructor in ('KeepUnreachedConstructor', 'DefaultOptimWrapperConstructor'):
        model = torch.nn.Linear(3, 1, bias=False)
        torch.nn.init.ones_(model.weight)
        optimizer = dict(type='AdamW', lr=0.1, weight_decay=0.1)
        wrapper = build_optim_wrapper(model, dict(constructor=constructor, optimizer=optimizer))
        for values in ([1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 3.0, 0.0]):
            wrapper.update_params(model(torch.tensor([values])).sum())
        ends.append(model.weight.detach()[0])
    assert torch.equal(ends[0][:2], ends[1][:2])
    assert ends[0][2] == 1
    assert ends[1][2] < 1


@pytest.mark.parametrize('kind', ['AdamW', 'Adam'])
def test_a_resumed_training_knows_what_was_reached(kind):
    """Steps 0 to 5 at once, and with a new optimiser from the state after step 2."""
    model = small_sam()
    wrapper = wrapper_of(model, type=kind)
    for seed in range(3):
        step(model, wrapper, seed)
    other = small_sam(seed=1)
    other.load_state_dict(model.state_dict())
    resumed = wrapper_of(other, type=kind)
    resumed.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    for seed in range(3, 6):
        step(model, wrapper, seed)
        step(other, resumed, seed)
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two), name


@pytest.mark.parametrize('name', SAM)
def test_every_training_of_sam_has_the_rule(name):
    cfg = Config.fromfile(find_config(name))
    assert cfg.optim_wrapper.constructor == 'KeepUnreachedConstructor'
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
