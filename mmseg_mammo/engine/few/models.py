"""The model of a tuning: that of its start, with what a few-config changes."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmseg.models.backbones import UNet
from mmseg.registry import MODELS

from mmseg_mammo.engine.checkpoint import check_checkpoint
from mmseg_mammo.engine.config.load import first_line
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.type_names import is_a, type_name
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.shipped import shipped_configs
from mmseg_mammo.models.backbones.vpt_vit import VPTVisionTransformer
from mmseg_mammo.models.encoder_decoder import InputGridEncoderDecoder
from mmseg_mammo.models.peft.tuned import TunedEncoderDecoder
from mmseg_mammo.models.sam.segmentor import SAMSegmentor

UNET, SETR, SAM, OTHER = 'unet', 'setr', 'sam', 'other'
# The shipped configs. What was best on images of a hospital comes first (docs/few_samples.md).
_LIKELIEST = (
    *('few/unet_full', 'few/unet_bias', 'few/unet_head', 'few/setr_head', 'few/setr_bias'),
    *('few/setr_full', 'few/setr_vpt', 'few/setr_lora', 'few/sam_decoder'),
)
# What a tuning of a U-Net sets of the segmentor; one that starts from a tuned model begins anew.
_OF_TUNED = ('trainable', 'pretrained')
_HEAD = r'^decode_head\.'
# What any decode head has, and a head of another kind takes over.
_OF_HEADS = (
    *('num_classes', 'out_channels', 'threshold', 'align_corners', 'loss_decode', 'norm_cfg'),
    'ignore_index',
)
# Lesion pixels are rare: a new head starts from a probability of 1 %.
_RARE = dict(type='Normal', std=0.01, bias_prob=0.01, override=dict(name='conv_seg'))
_KEYS = frozenset(
    (
        *('starts', 'changes', 'prompts', 'lora', 'trainable', 'backbone_trainable'),
        *('new', 'replaced', 'new_rate', 'loss', 'augmentation', 'readout', 'flips'),
    )
)


class Start(NamedTuple):
    """A checkpoint that a tuning begins with: file, its hash, name and config, kind of its model."""

    file: Path
    sha256: str | None
    name: str
    config: Config
    kind: str


def read_start(file: Path) -> Start:
    """Read what a checkpoint says of itself.

    Raises:
        CheckpointError: It has no config, or not all of its weights; or it is a model that no tuning
            can begin with.
    """
    check_checkpoint(file)
    record = read_record(file)
    try:
        config = read_stored_config(file)
    except CheckpointError as error:
        raise CheckpointError(
            f'--from {first_line(error)}', 'a checkpoint that this package trained'
        ) from error
    kind = kind_of(config.model)
    whole = f'mammoseg export {file} WHOLE.pth, and --from WHOLE.pth'
    if record is not None and record['trained_only'] and kind:
        raise CheckpointError(
            f'--from {file}: holds the trained weights alone', 'a whole checkpoint', whole
        )
    if not kind:
        raise CheckpointError(
            f'--from {file}: {type_name(config.model.get("type"))}, which is no one network',
            'a U-Net, SETR or SAM',
            'Tune one of its parts: a stage, or a member',
        )
    name = record['name'] if record is not None else Path(config.filename).stem
    return Start(file, sha256(file), name, config, kind)


def kind_of(model: Mapping[str, Any]) -> str:
    """What kind of model a config describes: ``unet``, ``setr``, ``sam`` or ``other``; empty for several."""
    if is_a(model.get('type'), SAMSegmentor, MODELS):
        return SAM
    backbone = (model.get('backbone') or {}).get('type')
    if not is_a(model.get('type'), InputGridEncoderDecoder, MODELS) or backbone is None:
        return ''
    if is_a(backbone, UNet, MODELS):
        return UNET
    if type_name(backbone) == 'LoRAModel':
        return SETR
    return SETR if is_a(backbone, VPTVisionTransformer, MODELS) else OTHER


def fitting(kind: str) -> list[str]:
    """Names of the few-configs that can begin with a kind of model, the likeliest first; all for ''."""
    shipped = shipped_configs()
    starts = {name: Config.fromfile(shipped[name]).tuning.starts for name in _LIKELIEST}
    return [name for name in _LIKELIEST if not kind or kind in starts[name]]


def check_tuning(cfg: Config, start: Start) -> Mapping[str, Any]:
    """The ``tuning`` of a few-config, if it fits its start.

    Raises:
        MammoError: The config is none, a key does not exist, or the start is of another kind.
    """
    tuning = cfg.get('tuning')
    if not isinstance(tuning, Mapping):
        raise MammoError(
            f'{cfg.filename}: not made to start from a checkpoint',
            ', '.join(fitting(start.kind)),
            'Leave --from out, or name one of these',
        )
    if unknown := sorted(set(tuning) - _KEYS):
        raise MammoError(
            f'{cfg.filename}: tuning.{unknown[0]}: nothing reads it', ', '.join(sorted(_KEYS))
        )
    if start.kind not in tuning.get('starts', ()):
        raise MammoError(
            f'{Path(cfg.filename).stem} from {start.file}: tunes {" or ".join(tuning["starts"])}, '
            f'and the checkpoint is {start.kind}, {start.name}',
            ', '.join(fitting(start.kind)) or 'no few-config',
        )
    return tuning


def tuned_model(
    cfg: Config, tuning: Mapping[str, Any], start: Start, new_head: bool
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The model that is trained, and which of its weights are new.

    Args:
        cfg: The few-config; its ``model``, as ``--cfg-options`` set it, counts most.
        tuning: Its own.
        start: Whose model it is.
        new_head: Whether the decode head starts at random.

    Returns:
        The settings; and ``new`` and ``replaced``, regular expressions of the names of weights that
        are the model's own, and of those of the start that have no place.
    """
    model = copy.deepcopy(start.config.model.to_dict())
    new, replaced = list(tuning.get('new') or ()), list(tuning.get('replaced') or ())
    if is_a(model['type'], TunedEncoderDecoder, MODELS):
        model['type'] = 'InputGridEncoderDecoder'
        for key in _OF_TUNED:
            model.pop(key, None)
    if start.kind == SETR:
        new += _tune_vit(model, tuning, start)
    elif start.kind == SAM:
        model.update(pretrained=str(start.file), trainable=tuning.get('trainable') or '.*')
    elif tuning.get('trainable'):
        head = r'|^decode_head\.' if new_head else ''
        model.update(type='TunedEncoderDecoder', trainable=tuning['trainable'] + head)
        model['pretrained'] = str(start.file)
    if tuning.get('readout'):
        _read_out(model, tuning['readout'], start)
    _use_loss(model, tuning.get('loss'))
    if 'flips' in tuning and start.kind != SAM:
        model['test_output'] = {**(model.get('test_output') or {}), 'flips': tuning['flips']}
    if new_head:
        if start.kind == SAM:
            raise MammoError('--new-head with SAM, whose decoder is of use as it is', 'U-Net, SETR')
        new.append(_HEAD)
        replaced.append(_HEAD)
    whole = Config({'model': model})
    for changes in (tuning.get('changes'), cfg.get('model')):
        if changes:
            whole.merge_from_dict({'model': changes})
    return whole.to_dict()['model'], {'new': new, 'replaced': replaced}


def _tune_vit(model: dict[str, Any], tuning: Mapping[str, Any], start: Start) -> list[str]:
    """Let a SETR train what is asked of its ViT, which reads the start's; names of new weights."""
    vit = model['backbone']
    if type_name(vit['type']) == 'LoRAModel':
        raise CheckpointError(
            f'--from {start.file}: LoRA beside its ViT, not in it',
            'a whole checkpoint',
            f'mammoseg export {start.file} WHOLE.pth merges them; then --from WHOLE.pth',
        )
    new = []
    if tuning.get('prompts') and not vit.get('prompt_length', 50):
        vit.update(tuning['prompts'])
        new.append(r'^backbone\.prompts$')
    vit.update(pretrained=str(start.file), trainable=tuning.get('backbone_trainable') or '')
    if tuning.get('lora'):
        model['backbone'] = {
            'type': 'mmpretrain.LoRAModel',
            'module': vit,
            **copy.deepcopy(dict(tuning['lora'])),
        }
    return new


def _read_out(model: dict[str, Any], settings: Mapping[str, Any], start: Start) -> None:
    """Read several blocks of a SETR's frozen ViT, at several sizes, by another head."""
    if model.get('presence_head'):
        raise MammoError(
            f'--from {start.file}: its presence head reads tokens, which this tuning has none of',
            ', '.join(name for name in fitting(SETR) if 'head' not in name),
        )
    vit, old = model['backbone'], model['decode_head']
    arch, scales = vit.get('arch', 'large'), tuple(settings['scales'])
    depth = (VPTVisionTransformer.arch_zoo[arch] if isinstance(arch, str) else arch)['num_layers']
    blocks = min(settings['blocks'], depth)
    count, width = blocks * len(scales), old['in_channels']
    vit.update(type='ScaledVisionTransformer', blocks=blocks, scales=scales)
    vit.pop('out_indices', None)
    kept = {key: old[key] for key in _OF_HEADS if key in old}
    binary = old.get('out_channels') == 1
    model['decode_head'] = {
        **kept,
        'type': 'ReadoutHead',
        'in_channels': [width] * count,
        'in_index': list(range(count)),
        'channels': settings['channels'],
        'dropout_ratio': 0.1,
        **({'init_cfg': dict(_RARE)} if binary else {}),
    }


def _use_loss(model: dict[str, Any], loss: Any) -> None:
    """Give a binary head the losses of the recipe; one of two channels keeps its own."""
    head = model.get('decode_head')
    if loss and isinstance(head, dict) and head.get('out_channels') == 1:
        head['loss_decode'] = copy.deepcopy(list(loss))


def is_named(name: str, patterns: list[str]) -> bool:
    """Whether one of the regular expressions is found in the name of a weight."""
    return any(re.search(pattern, name) for pattern in patterns)
