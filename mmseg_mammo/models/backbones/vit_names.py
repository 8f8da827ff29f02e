"""Names of the tensors of a ViT in timm and in mmpretrain: one map, read in both directions."""

import re
from collections.abc import Iterable

Rules = tuple[tuple[str, str], ...]
# How names begin: timm's, mmpretrain's; {} is the number of a layer.
_NAMES = (
    ('patch_embed.proj.', 'patch_embed.projection.'),
    ('blocks.{}.norm1.', 'layers.{}.ln1.'),
    ('blocks.{}.norm2.', 'layers.{}.ln2.'),
    ('blocks.{}.mlp.fc1.', 'layers.{}.ffn.layers.0.0.'),
    ('blocks.{}.mlp.fc2.', 'layers.{}.ffn.layers.1.'),
    ('blocks.', 'layers.'),
    ('norm.', 'ln1.'),
)


def _rules(names: Iterable[tuple[str, str]]) -> Rules:
    return tuple(
        ('^' + re.escape(old).replace(r'\{\}', r'(\d+)'), new.replace('{}', r'\1'))
        for old, new in names
    )


TIMM_TO_MMPRETRAIN = _rules(_NAMES)
MMPRETRAIN_TO_TIMM = _rules((ours, timms) for timms, ours in _NAMES)


def rename(name: str, rules: Rules) -> str:
    """The name of a tensor by the first rule that is found in it; unchanged if none is.

    Args:
        name: Of a state dict.
        rules: Regular expressions and what takes their places.

    >>> rename('layers.3.ln1.bias', MMPRETRAIN_TO_TIMM)
    'blocks.3.norm1.bias'
    """
    for pattern, replacement in rules:
        name, changed = re.subn(pattern, replacement, name)
        if changed:
            break
    return name
