"""ViT read at several blocks and sizes."""

import pytest
import torch

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.backbones.scaled_vit import ScaledVisionTransformer
from mmseg_mammo.models.backbones.vpt_vit import VPTVisionTransformer

TINY = dict(
    arch=dict(embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32),
    img_size=32,
    patch_size=8,
    prompt_length=2,
)


def test_maps_are_those_of_the_plain_vit(tmp_path):
    scaled = ScaledVisionTransformer(**TINY, blocks=2, scales=(1.0, 2.0)).eval()
    plain = VPTVisionTransformer(**TINY, out_indices=[1, 3]).eval()
    plain.load_state_dict(scaled.state_dict())
    image = torch.randn(2, 3, 32, 32)
    found = scaled(image)
    assert [tuple(each.shape) for each in found] == [(2, 16, 4, 4)] * 2 + [(2, 16, 8, 8)] * 2
    larger = torch.nn.functional.interpolate(image, (64, 64), mode='bilinear')
    for one, other in zip(found, (*plain(image), *plain(larger)), strict=True):
        torch.testing.assert_close(one, other)


def test_nothing_is_trained_not_even_prompts():
    assert not any(p.requires_grad for p in ScaledVisionTransformer(**TINY).parameters())


def test_sizes_are_multiples_of_the_patch():
    found = ScaledVisionTransformer(**TINY, blocks=1, scales=(0.6,))(torch.randn(1, 3, 32, 32))
    assert found[0].shape[-2:] == (2, 2)


@pytest.mark.parametrize('wrong', [dict(blocks=5), dict(scales=()), dict(scales=(0,))])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(MammoError, match='1 to 4 blocks'):
        ScaledVisionTransformer(**TINY, **wrong)
    with pytest.raises(MammoError, match='out_tokens'):
        ScaledVisionTransformer(**TINY, out_tokens=True)


def test_it_is_traced_as_an_onnx_file_is_written():
    model, image = ScaledVisionTransformer(**TINY, blocks=1).eval(), torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        traced = torch.jit.trace(model, image)
        other = torch.randn(1, 3, 32, 32)
        for one, expected in zip(traced(other), model(other), strict=True):
            torch.testing.assert_close(one, expected)
