"""SAM's MLP against segment-anything's: values, gradients, and what is kept."""

import copy
import io

import pytest
import torch
from segment_anything.modeling.common import MLPBlock

from mmseg_mammo.models.sam.mlp import LeanMLP


def pair():
    torch.manual_seed(0)
    theirs = MLPBlock(embedding_dim=8, mlp_dim=32)
    ours = copy.deepcopy(theirs)
    ours.__class__ = LeanMLP
    return ours, theirs


def gradients(mlp, x):
    x = x.clone().requires_grad_()
    output = mlp(x)
    output.square().sum().backward()
    return [output.detach(), x.grad, *(p.grad for p in mlp.parameters() if p.grad is not None)]


@pytest.mark.parametrize('frozen', [(), ('lin2.weight',), ('lin1.weight', 'lin2.bias')])
def test_values_and_gradients_are_those_of_segment_anything(frozen):
    x, ends = torch.randn(2, 3, 5, 8), []
    for mlp in pair():
        for name in frozen:
            mlp.get_parameter(name).requires_grad_(False)
        ends.append(gradients(mlp, x))
    assert torch.equal(ends[0][0], ends[1][0])
    for ours, theirs in zip(*ends, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def kept(mlp, x):
    sizes = []
    pack = lambda tensor: sizes.append(tensor.numel()) or tensor
    weights = {p.numel() for p in mlp.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        mlp(x)
    return sum(size for size in sizes if size not in weights)


def test_the_output_of_the_gelu_is_not_kept():
    """90 patches: inputs of both layers and of the GELU at segment-anything, one less at ours."""
    x = torch.randn(90, 8, requires_grad=True)
    ours, theirs = (kept(mlp, x) for mlp in pair())
    assert theirs == 90 * (8 + 32 + 32)
    assert ours == 90 * (8 + 32)


def test_autocast_computes_in_bfloat16():
    x, ends = torch.randn(6, 8), []
    for mlp in pair():
        with torch.autocast('cpu', dtype=torch.bfloat16):
            output = mlp(x)
        assert output.dtype == torch.bfloat16
        output.float().square().sum().backward()
        ends.append([output, *(p.grad for p in mlp.parameters())])
    for ours, theirs in zip(*ends, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0.02)


class Float32Linear(torch.nn.Linear):
    """A first layer whose output autocast leaves in float32."""

    def forward(self, x):
        return super().forward(x).float()


def test_a_first_layer_may_give_more_digits_than_autocast():
    x, ends = torch.randn(6, 8), []
    for mlp in pair():
        mlp.lin1.__class__ = Float32Linear
        with torch.autocast('cpu', dtype=torch.bfloat16):
            output = mlp(x)
        output.float().square().sum().backward()
        ends.append([output, *(p.grad for p in mlp.parameters())])
    for ours, theirs in zip(*ends, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0.02)


def test_a_trace_of_it_can_be_saved():
    ours, theirs = pair()
    x, file = torch.randn(6, 8), io.BytesIO()
    torch.jit.save(torch.jit.trace(ours, x), file)
    assert torch.equal(torch.jit.load(io.BytesIO(file.getvalue()))(x), theirs(x))
