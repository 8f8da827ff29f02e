"""What the speed hook asks of torch, and what happens where torch cannot."""

from types import SimpleNamespace

import pytest
import torch
from experiments import shrink
from mmseg.registry import HOOKS
from torch import nn

from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.engine.speed import hook as module


class Model(nn.Module):
    """A backbone of one convolution, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        self.decode_head = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        return self.decode_head.forward(self.backbone(x))


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(module, 'print_log', lambda *parts: lines.append(parts[0]))
    return lines


def prepared_model(**settings):
    model = Model()
    HOOKS.build(dict(type='SpeedHook', **settings)).before_train(SimpleNamespace(model=model))
    return model


IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_everything_is_off_by_default():
    model, precision = prepared_model(), torch.get_float32_matmul_precision()
    assert torch.equal(model(IMAGES), Model()(IMAGES))
    assert 'forward' not in vars(model.backbone)
    assert model.backbone[0].weight.is_contiguous()
    assert torch.get_float32_matmul_precision() == precision


def test_channels_last_changes_the_layout_and_nothing_else():
    model = prepared_model(channels_last=True)
    assert model.backbone[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert model.backbone(IMAGES).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(model(IMAGES), Model()(IMAGES))


def test_tf32_is_set(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    before = torch.get_float32_matmul_precision()
    try:
        prepared_model(tf32=True)
        assert torch.get_float32_matmul_precision() == 'high'
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.set_float32_matmul_precision(before)


def test_parts_are_compiled_and_train_as_before(said):
    seen = []

    def backend(graph, inputs):
        seen.append(graph)
        return graph.forward

    fast, plain = prepared_model(compile=dict(backend=backend)), Model()
    assert fast.state_dict().keys() == plain.state_dict().keys()
    for model in (fast, plain):
        model(IMAGES).square().sum().backward()
    assert len(seen) == 2  # backbone and head
    assert said == []
    for ours, theirs in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_part_that_cannot_be_compiled_is_computed_as_before_with_one_warning(said):
    def backend(graph, inputs):
        raise OSError('no compiler here')

    model = prepared_model(compile=dict(backend=backend))
    for _ in range(2):
        assert torch.equal(model(IMAGES), Model()(IMAGES))
    assert len(said) == 2
    assert all('is not compiled' in line and 'no compiler here' in line for line in said)


def test_an_unknown_backend_is_one_warning(said):
    model = prepared_model(compile=dict(backend='there_is_none'))
    assert torch.equal(model(IMAGES), Model()(IMAGES))
    assert [line.split()[0] for line in said] == ['backbone', 'decode_head']


def test_an_error_of_the_model_is_raised_and_not_taken_for_the_compilers(said):
    model = prepared_model(compile=dict(backend='eager'))
    with pytest.raises(RuntimeError):
        model(torch.randn(2, 5, 8, 8))
    assert said == []
    torch.testing.assert_close(model(IMAGES), Model()(IMAGES))


def test_a_training_runs_with_all_of_it_and_leaves_a_plain_model(prepared, tmp_path):
    losses = []
    speed = dict(type='SpeedHook', channels_last=True, compile=dict(backend='eager'))
    for hooks in ({}, {'speed': speed}):
        cfg = shrink('unet_cbis', prepared, tmp_path / f'{len(losses)}', epochs=1)
        cfg.launcher = 'none'
        cfg.default_hooks.update(hooks)
        runner = build_runner(cfg, 0)
        runner.train()
        losses.append(float(runner.message_hub.get_scalar('train/loss').current()))
        assert 'forward' not in vars(runner.model.backbone)
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
