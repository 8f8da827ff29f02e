"""The licence of published weights follows from the name of their file, and is never guessed."""

import pytest

from mmseg_mammo.models.licences import UNKNOWN, licence_of


@pytest.mark.parametrize(
    ('name', 'licence', 'publisher'),
    [
        ('ViT-L_16.npz', 'Apache-2.0', 'google-research/vision_transformer'),
        ('vit_large_patch16_224.augreg_in21k.pth', 'Apache-2.0', 'timm, of google-research'),
        ('vit_large_patch16_224.augreg_in21k_ft_in1k.pth', 'Apache-2.0', 'timm, of google'),
        ('vit_base_patch16_224.augreg_in1k.safetensors', 'Apache-2.0', 'timm, of google'),
        ('jx_vit_large_p16_384-b3be5167.pth', 'Apache-2.0', 'timm, of google-research'),
        ('vit-large-p16_in21k-pre-3rdparty_ft-64xb64_in1k-384.pth', 'Apache-2.0', 'open-mmlab'),
        ('sam_vit_l_0b3195.pth', 'Apache-2.0', 'facebookresearch/segment-anything'),
        ('sam_vit_b_01ec64.pth', 'Apache-2.0', 'facebookresearch/segment-anything'),
        ('sam_vit_h_4b8939.pth', 'Apache-2.0', 'facebookresearch/segment-anything'),
        ('medsam_vit_b.pth', 'Apache-2.0', 'bowang-lab/MedSAM'),
        ('mae_pretrain_vit_large.pth', 'CC-BY-NC-4.0', 'facebookresearch/mae'),
        ('vit_large_patch16_224.mae.pth', 'CC-BY-NC-4.0', 'facebookresearch/mae'),
        ('dino_vitbase16_pretrain.pth', 'Apache-2.0', 'facebookresearch/dino'),
        ('vit_base_patch16_224.dino.safetensors', 'Apache-2.0', 'facebookresearch/dino'),
        ('vit_large_patch14_dinov2.lvd142m.pth', 'Apache-2.0', 'facebookresearch/dinov2'),
        ('deit_base_patch16_224-b5f2ef4d.pth', 'Apache-2.0', 'facebookresearch/deit'),
        ('deit3_large_patch16_224.fb_in22k_ft_in1k.pth', 'Apache-2.0', 'facebookresearch/deit'),
    ],
)
def test_published_names_are_known(name, licence, publisher):
    """The names of docs/weights.md are among them."""
    found = licence_of(name)
    assert found.licence == licence
    assert found.publisher.startswith(publisher)
    assert found.trained_on != UNKNOWN


def test_what_the_weights_were_trained_on_is_told_apart():
    assert licence_of('deit3_large_patch16_224.fb_in22k_ft_in1k.pth').trained_on.startswith(
        'ImageNet-22k'
    )
    assert licence_of('deit_base_patch16_224.pth').trained_on.startswith('ImageNet-1k')
    assert licence_of('vit_base_patch16_224.augreg_in1k.pth').trained_on.startswith('ImageNet-1k')
    assert licence_of('ViT-L_16.npz').trained_on.startswith('ImageNet-21k')


@pytest.mark.parametrize('name', ['best.pth', 'tiny.pth', 'model.safetensors', 'samples.pth', ''])
def test_another_name_is_unknown(name):
    assert set(licence_of(name)) == {UNKNOWN}
