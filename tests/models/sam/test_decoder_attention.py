"""Attention of SAM's decoder against segment-anything's: values and gradients."""

import copy

import torch
from segment_anything.modeling.transformer import Attention

from mmseg_mammo.models.sam.decoder_attention import DecoderAttention, use_kernels
from mmseg_mammo.models.sam.mask_decoder import build_small_parts


def test_values_and_gradients_are_those_of_segment_anything():
    torch.manual_seed(0)
    theirs = torch.nn.ModuleList([Attention(16, 4, downsample_rate=2)]).double()
    ours = copy.deepcopy(theirs)
    use_kernels(ours)
    given, ends = [torch.randn(2, n, 16).double() for n in (5, 7, 7)], []
    for (attention,) in (ours, theirs):
        tensors = [tensor.clone().requires_grad_() for tensor in given]
        mixed = attention(*tensors)
        mixed.square().sum().backward()
        gradients = [t.grad for t in (*tensors, *attention.parameters())]
        ends.append([mixed, *gradients])
    for found, expected in zip(*ends, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-10)


def test_every_attention_of_the_decoder_uses_them():
    _, decoder = build_small_parts(32, 64)
    kinds = [type(part) for part in decoder.modules() if isinstance(part, Attention)]
    assert kinds == 7 * [DecoderAttention]
