"""ViT weights: strict loading of pre-trained files into mmpretrain's ``VisionTransformer``.

Three sources: the ``.npz`` files of Dosovitskiy et al. (google-research/vision_transformer),
timm's state dicts, and checkpoints of mmpretrain or of this project. Every tensor of the file
is used or named as unused with a reason, and every tensor of the backbone is filled.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.backbones.vit_names import TIMM_TO_MMPRETRAIN, rename
from mmseg_mammo.models.backbones.vit_normalisation import (
    Normalisation,
    normalisation_of,
    weights_in,
)
from mmseg_mammo.models.safe_loading import load_plain

# JAX's names -> timm's; attention is merged separately.
_JAX_RENAMES = (
    (r'^cls$', 'cls_token'),
    (r'^embedding/', 'patch_embed.proj/'),
    (r'^Transformer/posembed_input/pos_embedding$', 'pos_embed'),
    (r'^Transformer/encoder_norm/', 'norm/'),
    (r'^Transformer/encoderblock_(\d+)/LayerNorm_0/', r'blocks.\1.norm1/'),
    (r'^Transformer/encoderblock_(\d+)/LayerNorm_2/', r'blocks.\1.norm2/'),
    (r'^Transformer/encoderblock_(\d+)/MlpBlock_3/Dense_0/', r'blocks.\1.mlp.fc1/'),
    (r'^Transformer/encoderblock_(\d+)/MlpBlock_3/Dense_1/', r'blocks.\1.mlp.fc2/'),
    (r'^Transformer/encoderblock_(\d+)/MultiHeadDotProductAttention_1/', r'blocks.\1.attn.'),
)
_JAX_LEAVES = {'kernel': 'weight', 'scale': 'weight', 'bias': 'bias'}
_UNUSED = (
    (r'^(head|head_dist|fc_norm|pre_logits)[./]', 'the classifier of the pre-training'),
    (r'^(mask_token|decoder_)', 'the decoder of the pre-training'),
    (
        r'^(decode_head|auxiliary_head|presence_head|neck|data_preprocessor)\.',
        'not part of the backbone',
    ),
)


def load_vit_weights(backbone: nn.Module, path: str | Path) -> Normalisation | None:
    """Load pre-trained weights into a ViT, strictly.

    Args:
        backbone: mmpretrain's ``VisionTransformer`` or a subclass. Its own ``prompts``, if the
            file has none, stay as initialised; a position embedding of another size is resized.
        path: ``.npz``, ``.safetensors`` or PyTorch file.

    Returns:
        The normalisation that images need for these weights, as far as the file says.

    Raises:
        CheckpointError: The file is missing or unreadable, leaves a tensor of the backbone
            unfilled, holds a tensor that no rule explains, or has other shapes.
    """
    path = Path(path)
    content = read_file(path, 'model.backbone.pretrained')
    normalisation = normalisation_of(path, content)
    state, unused = _split(_weights_of(path, content), backbone)
    try:
        missing, unexpected = backbone.load_state_dict(state, strict=False)
    except (RuntimeError, AssertionError) as error:
        raise _misfit(path, str(error).splitlines()[-1].strip()) from error
    missing = [name for name in missing if name != 'prompts']
    if missing or unexpected:
        raise _misfit(
            path,
            f'{len(missing)} tensors of the backbone are not in it ({first_names(missing)}), '
            f'{len(unexpected)} of its tensors have no place ({first_names(unexpected)})',
        )
    reasons = Counter(unused.values())
    listing = '; '.join(f'{count} ({reason})' for reason, count in reasons.items()) or 'none'
    print_log(f'Backbone: {len(state)} tensors from {path}; unused: {listing}', 'current')
    if normalisation:
        print_log(f'Images for it: {normalisation} ({normalisation.source})', 'current')
    return normalisation


def _misfit(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f'{path} does not fit this ViT: {reason}',
        'weights of the same architecture (width, layers, patch size)',
        'Set model.backbone.arch to that of the file, or name the right file',
    )


def first_names(names: list[str]) -> str:
    """The first three of ``names``, for an error."""
    return ', '.join(names[:3]) + (', …' if len(names) > 3 else '') if names else 'none'


def read_weights(path: Path, setting: str) -> dict[str, Tensor]:
    """Read the weights of any of the formats; see :func:`read_file`.

    Returns:
        Tensors by name; names as in the file, those of .npz already timm's.
    """
    return _weights_of(path, read_file(path, setting))


def read_file(path: Path, setting: str) -> dict[str, Any]:
    """Read all that is in a file of weights, names as in the file.

    Args:
        path: ``.npz``, ``.safetensors`` or PyTorch file.
        setting: Place of ``path`` in the config, for an error.

    Raises:
        CheckpointError: The file is missing or unreadable.
    """
    if not path.is_file():
        raise CheckpointError(
            f'{path}: no such file',
            remedy=f'Set {setting} to the downloaded weights; docs/weights.md says where they '
            'come from',
        )
    try:
        return _load(path)
    except ImportError as error:
        raise CheckpointError(f'{path}: {error}', remedy='pip install safetensors') from error
    except CheckpointError:
        raise
    # Broken archives raise a dozen types, from BadZipFile to UnpicklingError.
    except Exception as error:
        raise CheckpointError(
            f'{path}: not readable ({type(error).__name__}), probably an incomplete download',
            '.npz, .safetensors, or a PyTorch checkpoint',
            'Copy the file again and compare its size',
        ) from error


def _weights_of(path: Path, content: dict[str, Any]) -> dict[str, Tensor]:
    return _from_jax(content) if path.suffix == '.npz' else dict(weights_in(content))


def _load(path: Path) -> dict[str, Any]:
    if path.suffix == '.npz':
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    if path.suffix == '.safetensors':
        from safetensors.torch import load_file

        return load_file(path)
    return dict(load_plain(path))


def _split(
    state: dict[str, Tensor], backbone: nn.Module
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Sort tensors into those for the backbone, under its names, and the unused with reasons."""
    used: dict[str, Tensor] = {}
    unused: dict[str, str] = {}
    for key, value in state.items():
        name = re.sub(r'^(module\.)?(backbone\.)?', '', key)
        reason = next((why for pattern, why in _UNUSED if re.match(pattern, name)), '')
        name = rename(name, TIMM_TO_MMPRETRAIN)
        if name.startswith('ln1.') and not backbone.final_norm:
            reason = 'final_norm is off, the head normalises its input'
        if name == 'cls_token' and not backbone.with_cls_token:
            reason = 'the model has no class token'
        if name == 'prompts' and not value.numel():
            reason = 'trained without prompts'
        if reason:
            unused[key] = reason
        else:
            used[name] = value
    if 'pos_embed' in used and not backbone.with_cls_token:
        tokens = used['pos_embed'].shape[1]
        # An odd one out beside a square grid of patches is the class token's.
        if int(np.sqrt(tokens - 1)) ** 2 == tokens - 1:
            used['pos_embed'] = used['pos_embed'][:, 1:]
    return used, unused


def _from_jax(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """JAX arrays -> timm's state dict: kernels transposed, query, key and value stacked."""
    state: dict[str, Tensor] = {}
    heads: dict[str, dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        name, _, leaf = rename(re.sub(r'^opt/target/', '', key), _JAX_RENAMES).rpartition('/')
        leaf = _JAX_LEAVES.get(leaf, leaf)
        attention = re.fullmatch(r'(blocks\.\d+\.attn)\.(query|key|value)', name)
        if attention:
            heads.setdefault(f'{attention[1]}.qkv.{leaf}', {})[attention[2]] = array
        else:
            full = f'{name}.{leaf}' if name else leaf
            state[full.replace('attn.out', 'attn.proj')] = torch.from_numpy(_transpose(array))
    for name, parts in heads.items():
        if len(parts) == 3:  # else the name stays missing, and loading says so
            merged = [_heads_first(parts[part]) for part in ('query', 'key', 'value')]
            state[name] = torch.from_numpy(np.concatenate(merged))
    return state


def _heads_first(array: np.ndarray) -> np.ndarray:
    """Kernel (C, heads, d) -> (heads·d, C); bias (heads, d) -> (heads·d,)."""
    return array.reshape(len(array), -1).T if array.ndim == 3 else array.reshape(-1)


def _transpose(array: np.ndarray) -> np.ndarray:
    """Dense (in, out), convolution (h, w, in, out), and attention output (heads, d, C)."""
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 3 and array.shape[0] > 1:
        array = array.reshape(-1, array.shape[-1]).T
    elif array.ndim == 2:
        array = array.T
    return np.ascontiguousarray(array)
