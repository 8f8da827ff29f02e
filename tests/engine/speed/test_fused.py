"""AdamW in one kernel: AdamW's steps, and a way back where torch has it not."""

import copy

import torch
from mmengine.optim import build_optim_wrapper
from torch.optim import AdamW

from mmseg_mammo.engine import FusedAdamW

CONFIG = dict(
    constructor='KeepUnreachedConstructor',
    optimizer=dict(type='FusedAdamW', lr=0.1, betas=(0.9, 0.99), weight_decay=0.1),
)


def train(optimizer, model, steps=4):
    for step in range(steps):
        optimizer.zero_grad()
        model(torch.full((2, 3), 0.5 + step)).square().sum().backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def layer():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2)


def test_its_steps_are_those_of_adamw():
    ends = []
    for kind in (FusedAdamW, AdamW):
        model = layer()
        ends.append(train(kind(params=model.parameters(), lr=0.1, weight_decay=0.1), model))
    for ours, theirs in zip(*ends, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_where_torch_refuses_it_steps_as_adamw_and_says_so_once(monkeypatch):
    said, begin = [], AdamW.__init__

    def refuse(self, params, fused=None, **settings):
        if fused:
            raise RuntimeError('`fused=True` requires all the params to be CUDA')
        begin(self, params, **settings)

    monkeypatch.setattr(AdamW, '__init__', refuse)
    monkeypatch.setattr('mmseg_mammo.engine.speed.fused.print_log', lambda *m: said.append(m[0]))
    model = layer()
    found = train(FusedAdamW(params=model.parameters(), lr=0.1), model)
    assert said == ['FusedAdamW steps as AdamW: `fused=True` requires all the params to be CUDA']
    model = layer()
    expected = train(AdamW(model.parameters(), lr=0.1), model)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_config_names_it_and_either_goes_on_from_the_others_state():
    model = layer()
    wrapper = build_optim_wrapper(model, CONFIG)
    assert isinstance(wrapper.optimizer, FusedAdamW)
    train(wrapper.optimizer, model)
    state = copy.deepcopy(wrapper.state_dict())
    twin = layer()
    twin.load_state_dict(model.state_dict())
    plain = AdamW(twin.parameters(), lr=0.1, betas=(0.9, 0.99), weight_decay=0.1)
    plain.load_state_dict(state)
    plain.param_groups[0].update(fused=False)
    for ours, theirs in zip(train(wrapper.optimizer, model), train(plain, twin), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_where_torch_refuses_it_groups_step_as_adamw_too(monkeypatch):
    """foreach and fused exclude each other in every torch; one group has a rate of its own."""
    monkeypatch.setattr('mmseg_mammo.engine.speed.fused.print_log', lambda *_: None)
    weight, bias = layer().parameters()
    groups = [{'params': [weight]}, {'params': [bias], 'lr': 0.2}]
    optimizer = FusedAdamW(params=groups, lr=0.1, foreach=True)
    assert [group['fused'] for group in optimizer.param_groups] == [None, None]
    assert [group['lr'] for group in optimizer.param_groups] == [0.1, 0.2]
