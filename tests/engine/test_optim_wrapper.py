"""bfloat16 training on whatever device is there."""

import torch
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


def test_the_forward_pass_is_bfloat16_weights_and_gradients_float32():
    model = nn.Linear(4, 2)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='BFloat16OptimWrapper', optimizer=torch.optim.SGD(model.parameters(), lr=0.5))
    )
    before = model.weight.clone()
    with wrapper.optim_context(model):
        found = model(torch.ones(3, 4))
    assert found.dtype == torch.bfloat16
    loss = found.float().mean()
    wrapper.backward(loss)
    assert model.weight.dtype == model.weight.grad.dtype == torch.float32
    wrapper.step()
    assert not torch.equal(model.weight, before)
    assert model(torch.ones(3, 4)).dtype == torch.float32
