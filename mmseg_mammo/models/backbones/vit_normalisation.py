"""Image normalisation that goes with a file of pre-trained ViT weights.

Means and standard deviations are per channel, on the scale of 0 to 255, as in the host's
``data_preprocessor``, and in the order in which the network takes the channels.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.models.literals import read_literals

KNOWN = {
    'half': ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    'imagenet': ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
AS_CONFIG = 'config'
# Names under which files are published -> of KNOWN. A test compares timm's with timm.
_NAMES = (
    (r'vit_\w+_patch\d+_\d+\.(augreg2?|orig|sam)_in\d+k', 'half'),  # timm
    (r'vit_\w+_patch\d+_\d+\.(mae|dino)\b', 'imagenet'),
    (r'deit3?_', 'imagenet'),  # timm, and facebookresearch/deit
    (r'jx_vit_', 'half'),  # timm of 2020
    (r'mae_(pretrain|finetuned|visualize)_vit_', 'imagenet'),  # facebookresearch/mae
    (r'dino_(vit|deit)', 'imagenet'),  # facebookresearch/dino
    (r'vit-(base|large)-p\d+_in21k-pre', 'half'),  # mmpretrain
    (r'(mae_vit|deit)-', 'imagenet'),  # mmpretrain
)
_TOLERANCE = 0.5  # of a grey level: 127 and 128 pass for 127.5


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation that a network expects, and the source of this knowledge."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str

    def fits(self, other: 'Normalisation') -> bool:
        """Whether both do the same to an image, to half a grey level."""
        pairs = zip((*self.mean, *self.std), (*other.mean, *other.std), strict=True)
        return all(abs(one - two) <= _TOLERANCE for one, two in pairs)

    def __str__(self) -> str:
        return f'mean {_numbers(self.mean)}, std {_numbers(self.std)}'


def normalisation_of(path: Path, content: Mapping[str, Any]) -> Normalisation | None:
    """The normalisation that a weight file was trained with; None if nothing tells.

    Args:
        path: Its name may tell, and a ``config.json`` of the model hub beside it.
        content: All that is in it, names as in the file.
    """
    state = weights_in(content)
    names = [re.sub(r'^(opt/target/|module\.|backbone\.)+', '', str(name)) for name in state]
    if path.suffix == '.npz':
        google = 'embedding/kernel' in names
        return (
            _known_normalisation('half', 'a file of google-research/vision_transformer')
            if google
            else None
        )
    return (
        _from_config(content.get('meta'))
        or _from_buffers(state)
        or _from_timm(content, path.parent / 'config.json')
        or _from_parts({*map(str, content), *names})
        or _from_name(path.name)
    )


def check_normalisation(model: Any) -> None:
    """Refuse images normalised otherwise than the file of the model's backbone wants.

    Args:
        model: A segmentor with a ``data_preprocessor``, its pre-trained file read.

    Raises:
        CheckpointError: They differ; or nothing tells what the file wants.
    """
    for module in model.modules():
        said = getattr(module, 'pretrained_normalisation', None)
        if not getattr(module, 'base_is_read', False) or said == AS_CONFIG:
            continue
        ours = preprocessor_normalisation(model.data_preprocessor)
        wanted = (
            _known_normalisation(said, 'pretrained_normalisation') if said else module.normalisation
        )
        if wanted is None:
            raise CheckpointError(
                f'{module.pretrained} does not say how its images were normalised',
                "pretrained_normalisation='half' (0.5 and 0.5: Google's weights, AugReg), "
                "'imagenet' (MAE, DINO, DeiT), 'config' (as data_preprocessor has it)",
                'Set model.backbone.pretrained_normalisation; docs/weights.md',
            )
        if not wanted.fits(ours):
            raise CheckpointError(
                f'{module.pretrained} was trained with {wanted} ({wanted.source}), but '
                f'model.data_preprocessor has {ours}',
                '',
                f'Give --cfg-options "model.data_preprocessor.mean={_numbers(wanted.mean)}" '
                f'"model.data_preprocessor.std={_numbers(wanted.std)}" in training and tests; '
                "model.backbone.pretrained_normalisation='config' keeps yours",
            )


def check_choice(value: str | None) -> None:
    """Refuse a value of ``pretrained_normalisation`` that has no meaning."""
    allowed = (None, *KNOWN, AS_CONFIG)
    if value not in allowed:
        raise MammoError(f'pretrained_normalisation={value!r}', ', '.join(map(repr, allowed)))


def preprocessor_normalisation(preprocessor: nn.Module) -> Normalisation:
    """The normalisation of a built ``data_preprocessor``; without one, nothing is done."""
    mean, std = (getattr(preprocessor, name, None) for name in ('mean', 'std'))
    if mean is None or std is None:
        return Normalisation((0.0,) * 3, (1.0,) * 3, 'data_preprocessor')
    return _make_normalisation(mean.flatten().tolist(), std.flatten().tolist(), 'data_preprocessor')


def weights_in(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state dict in what a file holds: of mmengine, of Meta's projects, of DINO, or itself."""
    keys = ('state_dict', 'model', 'teacher')
    return next((content[key] for key in keys if _is_dict(content.get(key))), content)


def _numbers(values: Sequence[float]) -> str:
    return f'[{",".join(f"{value:g}" for value in values)}]'


def _is_dict(value: Any) -> bool:
    return isinstance(value, Mapping)


def _known_normalisation(name: str, source: str) -> Normalisation:
    return Normalisation(*KNOWN[name], source)


def _make_normalisation(mean: Any, std: Any, source: str, scale: float = 1.0) -> Normalisation:
    three = [[float(v) * scale for v in values] * (3 // len(values)) for values in (mean, std)]
    return Normalisation(tuple(three[0]), tuple(three[1]), source)


def _from_config(meta: Any) -> Normalisation | None:
    """Of a checkpoint of mmengine: the config of its training."""
    text = meta.get('cfg') if _is_dict(meta) else None
    if not isinstance(text, str):
        return None
    try:
        cfg = read_literals(text, 'the pre-trained file')
    except CheckpointError:  # it is more than data, and is not run
        return None
    model: Any = cfg.get('model') or {}
    found: list[Any] = [model.get('data_preprocessor'), cfg.get('data_preprocessor')]
    for part in found:
        if isinstance(part, Mapping) and part.get('mean') is not None:
            return _make_normalisation(part['mean'], part['std'], 'the config of its training')
    return _make_normalisation([0], [1], 'the config of its training') if any(found) else None


def _from_buffers(state: Mapping[str, Any]) -> Normalisation | None:
    mean, std = (state.get(f'data_preprocessor.{name}') for name in ('mean', 'std'))
    if mean is None or std is None:
        return None
    return _make_normalisation(
        mean.flatten().tolist(), std.flatten().tolist(), 'its own data_preprocessor'
    )


def _from_timm(content: Mapping[str, Any], beside: Path) -> Normalisation | None:
    """Of timm: the settings that its model hub keeps beside the weights, from 0 to 1."""
    settings: Any = content
    source = 'its own settings'
    if not any(_is_dict(content.get(key)) for key in ('pretrained_cfg', 'default_cfg')):
        source = beside.name
        try:
            settings = json.loads(beside.read_text())
        except (OSError, ValueError):
            return None
    for key in ('pretrained_cfg', 'default_cfg'):
        part: Any = settings.get(key) if _is_dict(settings) else None
        if _is_dict(part) and part.get('mean') and part.get('std'):
            return _make_normalisation(part['mean'], part['std'], source, 255.0)
    return None


def _from_parts(names: set[str]) -> Normalisation | None:
    """Of methods whose code normalises as ImageNet, by parts that only they have."""
    if 'mask_token' in names and any(name.startswith('decoder_') for name in names):
        return _known_normalisation('imagenet', 'a pre-training by MAE')
    if {'teacher', 'student'} <= names:
        return _known_normalisation('imagenet', 'a pre-training by DINO')
    if 'dist_token' in names or any(name.startswith('head_dist.') for name in names):
        return _known_normalisation('imagenet', 'a distilled DeiT')
    return None


def _from_name(name: str) -> Normalisation | None:
    kind = next((kind for pattern, kind in _NAMES if re.match(pattern, name)), None)
    return _known_normalisation(kind, 'its name') if kind else None
