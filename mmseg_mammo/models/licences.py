"""Licences of published weights, told by the names of their files; a file may have been renamed."""

import re
from typing import NamedTuple

UNKNOWN = 'unknown'


class Licence(NamedTuple):
    """What is known of published weights: their licence, who published them, what they were trained on."""

    licence: str
    publisher: str
    trained_on: str


_IMAGENET21K = 'ImageNet-21k (access for non-commercial research)'
_IMAGENET = 'ImageNet-1k (access for non-commercial research)'
_IMAGENET22K = 'ImageNet-22k (access for non-commercial research)'
_SA1B = 'SA-1B (research licence)'
# As the repositories state them; the first that matches is taken.
_KNOWN = (
    (r'^sam_vit_[blh]_', Licence('Apache-2.0', 'facebookresearch/segment-anything', _SA1B)),
    (r'^medsam_', Licence('Apache-2.0', 'bowang-lab/MedSAM', 'SA-1B and public medical images')),
    (
        r'^ViT-[BLH]_\d+\.npz$',
        Licence('Apache-2.0', 'google-research/vision_transformer', _IMAGENET21K),
    ),
    (
        r'vit_\w+_patch\d+_\d+\.(augreg2?|orig)_in21k',
        Licence('Apache-2.0', 'timm, of google-research/vision_transformer', _IMAGENET21K),
    ),
    (
        r'vit_\w+_patch\d+_\d+\.(augreg|sam)_in1k',
        Licence('Apache-2.0', 'timm, of google-research/vision_transformer', _IMAGENET),
    ),
    (
        r'^jx_vit_',
        Licence('Apache-2.0', 'timm, of google-research/vision_transformer', _IMAGENET21K),
    ),
    (r'^vit-(base|large)-p\d+_in21k', Licence('Apache-2.0', 'open-mmlab/mmpretrain', _IMAGENET21K)),
    (
        r'(^mae_(pretrain|finetuned|visualize)_vit_|vit_\w+\.mae\b)',
        Licence('CC-BY-NC-4.0', 'facebookresearch/mae', _IMAGENET),
    ),
    (
        r'(^dino_(vit|deit)|vit_\w+\.dino\b)',
        Licence('Apache-2.0', 'facebookresearch/dino', _IMAGENET),
    ),
    (
        r'(^dinov2_vit|vit_\w+_dinov2\.)',
        Licence('Apache-2.0', 'facebookresearch/dinov2', 'LVD-142M (not public)'),
    ),
    (r'^deit3_.*(22k|21k)', Licence('Apache-2.0', 'facebookresearch/deit', _IMAGENET22K)),
    (r'^deit3?_', Licence('Apache-2.0', 'facebookresearch/deit', _IMAGENET)),
)


def licence_of(name: str) -> Licence:
    """The licence of a file of published weights, by its name.

    Args:
        name: Of the file, without folder.

    >>> licence_of('sam_vit_l_0b3195.pth').licence
    'Apache-2.0'
    >>> licence_of('best.pth').licence
    'unknown'
    """
    found = (licence for pattern, licence in _KNOWN if re.search(pattern, name))
    return next(found, Licence(UNKNOWN, UNKNOWN, UNKNOWN))
