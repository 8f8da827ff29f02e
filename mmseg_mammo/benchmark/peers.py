"""Peer encoders: put the encoder of another project, with our weights, into a model of ours.

B images of H×W pixels, N tokens (a class token, then patches), P prompts, C width.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from mmseg.models.backbones import VisionTransformer as MMSegVisionTransformer
from mmseg.registry import MODELS
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.backbones.vit_names import MMPRETRAIN_TO_TIMM, Rules, rename
from mmseg_mammo.models.backbones.vpt_vit import VPTVisionTransformer
from mmseg_mammo.models.sam.image_encoder import PATCH, SAMImageEncoder

# mmpretrain's names -> mmseg's.
_TO_MMSEG = (
    (r'\.attn\.qkv\.', '.attn.attn.in_proj_'),
    (r'\.attn\.proj\.', '.attn.attn.out_proj.'),
)


class NoPeerError(MammoError):
    """The encoder of a model has no counterpart in another project."""


def check_peers(models: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Refuse peers that cannot be compared with any of the models, before one is built.

    Args:
        models: Configs of segmentors.
        names: Of :data:`PEERS`.

    Raises:
        MammoError: A peer is not installed, or none of the models has an encoder of its kind.
    """
    for name in names:
        part, kind, _ = PEERS[name]
        if find_spec(name.replace('-', '_')) is None:
            raise MammoError(f'--against {name}: not installed', remedy=f'pip install {name}')
        kinds = [(model.get(part) or {}).get('type') for model in models]
        classes = [MODELS.get(kind) if isinstance(kind, str) else kind for kind in kinds]
        if not any(isinstance(found, type) and issubclass(found, kind) for found in classes):
            raise MammoError(
                f'--against {name}: no config here has its encoder',
                f'a config whose model.{part} is {kind.__name__}',
            )


def with_peer(model: nn.Module, name: str) -> nn.Module:
    """A copy of a segmentor with the encoder of another project.

    The copy has the same weights, and trains what ``model`` trains.

    Args:
        model: Of a config of this project; left as it is.
        name: One of :data:`PEERS`.

    Raises:
        NoPeerError: The encoder of ``model`` has no such peer.
        MammoError: The other project is not installed.
    """
    part, kind, build = PEERS[name]
    ours = getattr(model, part, None)
    if not isinstance(ours, kind):
        encoders = (getattr(model, name, None) for name in ('backbone', 'image_encoder'))
        found = ' and '.join(type(encoder).__name__ for encoder in encoders if encoder is not None)
        raise NoPeerError(
            f'--against {name}: the encoder of this config is {found}',
            f'a config whose model.{part} is {kind.__name__}',
        )
    try:
        peer = build(ours)
    except ImportError as error:
        raise MammoError(f'--against {name}: {error}', remedy=f'pip install {name}') from error
    except RuntimeError as error:  # of load_state_dict
        reason = str(error).splitlines()[-1].strip()
        raise NoPeerError(
            f'--against {name}: it has no such {kind.__name__}: {reason}',
            "an encoder with the options of this project's configs",
        ) from error
    return copy.deepcopy(model, {id(ours): peer})


def mmseg_vit(ours: VPTVisionTransformer) -> nn.Module:
    """The ``VisionTransformer`` of mmseg, which attends through ``nn.MultiheadAttention``.

    It has no prompts: ours are inserted into its layers by hooks.
    """
    layer = ours.layers[0]
    vit = MMSegVisionTransformer(
        **_common(ours),
        embed_dims=ours.embed_dims,
        num_layers=ours.num_layers,
        mlp_ratio=layer.ffn.feedforward_channels // ours.embed_dims,
        drop_rate=ours.drop_after_pos.p,
        patch_bias=True,
        norm_cfg=dict(type='LN', eps=layer.ln1.eps),
    )
    _adopt(vit, vit.layers, ours, _TO_MMSEG)
    return vit


def timm_vit(ours: VPTVisionTransformer) -> nn.Module:
    """The ``VisionTransformer`` of timm, without its last norm, as SETR wants it."""
    from timm.models.vision_transformer import VisionTransformer

    layer = ours.layers[0]
    vit = VisionTransformer(
        **_common(ours),
        embed_dim=ours.embed_dims,
        depth=ours.num_layers,
        mlp_ratio=layer.ffn.feedforward_channels / ours.embed_dims,
        num_classes=0,
        global_pool='',
        pos_drop_rate=ours.drop_after_pos.p,
        proj_drop_rate=ours.drop_after_pos.p,  # of the MLPs, too
        norm_layer=partial(nn.LayerNorm, eps=layer.ln1.eps),
    )
    vit.norm = nn.Identity()
    _adopt(vit, vit.blocks, ours, MMPRETRAIN_TO_TIMM)
    return _FeatureMap(vit)


def _common(ours: VPTVisionTransformer) -> dict[str, Any]:
    """Arguments that mmseg's and timm's ViT call alike."""
    return {
        'img_size': ours.img_size,
        'patch_size': ours.patch_embed.projection.kernel_size[0],
        'num_heads': ours.layers[0].attn.num_heads,
    }


def _adopt(vit: nn.Module, layers: Any, ours: VPTVisionTransformer, renames: Rules) -> None:
    """Give ``vit`` and its ``layers`` the weights and the prompts of ``ours``."""
    copy_weights(ours, vit, renames)
    _insert_prompts(vit, layers, ours)


class _FeatureMap(nn.Module):
    """timm's ViT with the output of an mmseg backbone: B×3×H×W -> (B×C×h×w,)."""

    def __init__(self, vit: Any) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of the last layer, as a tuple of one."""
        return tuple(self.vit.forward_intermediates(images, indices=1, intermediates_only=True))


def metas_encoder(ours: SAMImageEncoder) -> nn.Module:
    """The ``ImageEncoderViT`` of segment-anything, which stores every matrix of attention."""
    blocks: Any = ours.blocks
    encoder = ImageEncoderViT(
        img_size=ours.img_size,
        patch_size=PATCH,
        embed_dim=blocks[0].norm1.normalized_shape[0],
        depth=len(blocks),
        num_heads=blocks[0].attn.num_heads,
        out_chans=ours.out_chans,
        norm_layer=partial(nn.LayerNorm, eps=blocks[0].norm1.eps),
        use_rel_pos=True,
        window_size=max(block.window_size for block in blocks),
        global_attn_indexes=tuple(i for i, block in enumerate(blocks) if not block.window_size),
    )
    copy_weights(ours, encoder, ())
    return encoder


def copy_weights(ours: nn.Module, peer: nn.Module, renames: Rules) -> None:
    """Give ``peer`` the weights of ``ours``, and let it train the same ones.

    Args:
        ours: Its ``prompts``, if any, are left out.
        peer: Changed in place.
        renames: For our names; see :func:`.rename`.

    Raises:
        RuntimeError: A tensor is missing on one side, or has another shape.
    """
    state = {rename(n, renames): v for n, v in ours.state_dict().items() if n != 'prompts'}
    peer.load_state_dict(state)
    trained = {rename(name, renames): p.requires_grad for name, p in ours.named_parameters()}
    for name, parameter in peer.named_parameters():
        parameter.requires_grad_(trained[name])


def _insert_prompts(vit: Any, layers: Any, ours: VPTVisionTransformer) -> None:
    """Run the layers of ``vit`` with the prompts of ``ours``, behind the class token."""
    length = ours.prompt_length
    if not length:
        return
    vit.prompts = nn.Parameter(ours.prompts.detach().clone())

    def insert(index: int, layer: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        (tokens,) = inputs
        own = vit.prompts[index].expand(len(tokens), -1, -1)
        rest = tokens[:, 1 + (length if index else 0) :]
        return (torch.cat([tokens[:, :1], own, rest], dim=1),)

    def remove(layer: nn.Module, inputs: tuple[Tensor], tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, :1], tokens[:, 1 + length :]], dim=1)

    for index in range(len(ours.prompts)):
        layers[index].register_forward_pre_hook(partial(insert, index))
    layers[-1].register_forward_hook(remove)


# Name -> (the part of the segmentor, what it must be, how its peer is made).
PEERS: dict[str, tuple[str, type[nn.Module], Callable[[Any], nn.Module]]] = {
    'mmseg': ('backbone', VPTVisionTransformer, mmseg_vit),
    'timm': ('backbone', VPTVisionTransformer, timm_vit),
    'segment-anything': ('image_encoder', SAMImageEncoder, metas_encoder),
}
