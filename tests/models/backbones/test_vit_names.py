"""The map of names between timm and mmpretrain, in both directions."""

import pytest
from mmpretrain.models import VisionTransformer
from vit_files import ARCH, timm_vit

from mmseg_mammo.models.backbones.vit_names import (
    MMPRETRAIN_TO_TIMM,
    TIMM_TO_MMPRETRAIN,
    rename,
)


def names():
    """Pairs of timm's and mmpretrain's own names of the same ViT."""
    timms = {name for name in timm_vit().state_dict() if not name.startswith('head.')}
    ours = VisionTransformer(arch=ARCH, img_size=64, patch_size=16).state_dict()
    return timms, set(ours)


def test_every_name_of_timm_becomes_that_of_mmpretrain_and_comes_back():
    timms, ours = names()
    assert {rename(name, TIMM_TO_MMPRETRAIN) for name in timms} == ours
    assert {rename(name, MMPRETRAIN_TO_TIMM) for name in ours} == timms
    for name in timms:
        assert rename(rename(name, TIMM_TO_MMPRETRAIN), MMPRETRAIN_TO_TIMM) == name


@pytest.mark.parametrize('name', ['cls_token', 'xblocks.0.norm1.bias', 'blocks_2.weight'])
def test_other_names_stay(name):
    assert rename(name, TIMM_TO_MMPRETRAIN) == name


def test_numbers_of_layers_may_have_several_digits():
    assert rename('blocks.23.mlp.fc2.bias', TIMM_TO_MMPRETRAIN) == 'layers.23.ffn.layers.1.bias'
