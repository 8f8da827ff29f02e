"""Config checks: refuse, before anything is built, what the host would refuse late."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch.distributed as dist
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS
from mmpretrain.models import VisionTransformer
from mmseg.models.backbones import UNet
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_mammo.engine.config.image_steps import packs
from mmseg_mammo.engine.config.keys import near_names
from mmseg_mammo.engine.config.type_names import is_a, type_name
from mmseg_mammo.errors import MammoError

# What mmengine reads of the environment, by launcher; and who sets it.
_ENVIRONMENT = {
    'pytorch': (('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'), 'torchrun'),
    'slurm': (('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'), 'srun'),
    'mpi': (
        (
            'OMPI_COMM_WORLD_LOCAL_RANK',
            'OMPI_COMM_WORLD_SIZE',
            'OMPI_COMM_WORLD_RANK',
            'MASTER_ADDR',
        ),
        "Open MPI's mpirun",
    ),
}
_HOW = {
    'pytorch': 'Start it by tools/dist_train.sh CONFIG GPUS, or by torchrun --nproc_per_node GPUS '
    '-m mmseg_mammo train CONFIG --launcher pytorch, or leave --launcher out',
    'slurm': 'Start it by tools/slurm_train.sh, or leave --launcher out',
    'mpi': 'Start it by mpirun with -x MASTER_ADDR=<the first machine>, or leave --launcher out',
}
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# (place, whole numbers from)
_COUNTS = (
    *((f'{loader}.batch_size', 1) for loader in _LOADERS),
    *((f'{loader}.num_workers', 0) for loader in _LOADERS),
    *((f'train_cfg.{name}', 1) for name in ('max_epochs', 'max_iters', 'val_interval')),
    ('train_cfg.val_begin', 0),
)


def check_launcher(launcher: str) -> None:
    """Refuse a launcher that did not start this process.

    Raises:
        MammoError: The variables that it sets for each of its processes are missing.
    """
    names, who = _ENVIRONMENT.get(launcher, ((), ''))
    missing = [name for name in names if name not in os.environ]
    if missing and not dist.is_initialized():
        raise MammoError(
            f'--launcher {launcher}: {who} did not start this process ({", ".join(missing)} not set)',
            remedy=_HOW[launcher],
        )


def check_config(cfg: Config) -> None:
    """Refuse a config that would end in a traceback of the host, or train something else.

    Raises:
        MammoError: No model; a count that is none; an image that nothing packs; a checkpoint to
            load that is not there; a training that ends before its schedule begins; a head of
            another width than its backbone.
    """
    if not cfg.get('model'):
        raise MammoError(
            f'{cfg.filename} has no model', remedy='Name the config of an experiment, not a base'
        )
    for place, lowest in _COUNTS:
        loader, _, name = place.partition('.')
        part = cfg.get(loader)
        value = part.get(name) if isinstance(part, Mapping) else None
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or value < lowest
        ):
            raise MammoError(f'{place}={value!r}', f'a whole number from {lowest} on')
    for loader in _LOADERS:
        for place, dataset in datasets_of(cfg.get(loader), loader):
            _check_pipeline(place, dataset.get('pipeline') or [])
    check_schedule(cfg)
    _check_optimizer(cfg)
    _check_widths(cfg['model'])
    source = cfg.get('load_from')
    if source and '://' not in str(source) and not Path(source).is_file():
        raise MammoError(f'load_from={source}: no such file', remedy='Name a checkpoint, or None')


def _check_optimizer(cfg: Config) -> None:
    kind = ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('type', 'AdamW')
    if isinstance(kind, str) and OPTIMIZERS.get(kind) is None:
        raise MammoError(
            f'optim_wrapper.optimizer.type={kind!r}: no such optimiser',
            ', '.join(near_names(kind, OPTIMIZERS.module_dict))
            or 'one of torch.optim, such as AdamW',
        )


def _check_widths(model: Mapping[str, Any]) -> None:
    """The host says it in the first step, deep in a layer."""
    backbone, head = (model.get(part) for part in ('backbone', 'decode_head'))
    if not isinstance(backbone, Mapping) or not isinstance(head, Mapping):
        return
    kind, arch = backbone.get('type'), backbone.get('arch')
    last = head.get('in_index', -1) in (-1, backbone.get('num_stages', 5) - 1)
    if is_a(kind, UNet, MODELS) and last:
        name, width = 'base_channels', backbone.get('base_channels', 64)
    elif (
        is_a(kind, VisionTransformer, MODELS) and isinstance(arch, Mapping) and 'embed_dims' in arch
    ):
        name, width = 'arch.embed_dims', arch['embed_dims']
    else:
        return
    if isinstance(head.get('in_channels'), int) and head['in_channels'] != width:
        raise MammoError(
            f'model.decode_head.in_channels={head["in_channels"]}, and '
            f'model.backbone.{name}={width!r}',
            'two equal numbers',
            f'Set model.decode_head.in_channels={width!r} too',
        )


def datasets_of(loader: Mapping[str, Any] | None, place: str) -> Iterator[tuple[str, Any]]:
    """The image data sets in the config of a loader, each with its place in the config.

    Wrappers (``ConcatDataset``, ``RepeatDataset``, …) are looked into; one with a pipeline of its
    own packs the images of its members, which are left out then.
    """
    node: Any = loader.get('dataset') if isinstance(loader, Mapping) else None
    yield from _inside(node, f'{place}.dataset') if isinstance(node, Mapping) else ()


def _inside(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    members = {f'{place}.datasets.{i}': one for i, one in enumerate(node.get('datasets') or ())}
    if isinstance(node.get('dataset'), Mapping):
        members[f'{place}.dataset'] = node['dataset']
    if not members or node.get('pipeline'):
        yield place, node
        return
    for path, member in members.items():
        if isinstance(member, Mapping):
            yield from _inside(member, path)


def _check_pipeline(place: str, pipeline: Any) -> None:
    names = [type_name(step.get('type')) for step in pipeline if isinstance(step, Mapping)]
    packed = any(packs(name) for name in names)
    # A step of another package may pack, too.
    if not names or (not packed and all(TRANSFORMS.get(name) is not None for name in names)):
        raise MammoError(
            f'{place}: {f"nothing packs what {names[-1]} makes" if names else "no pipeline"}',
            'a pipeline that ends with PackMammogram',
            f'Set {place}.pipeline, such as to _base_.train_pipeline or _base_.test_pipeline',
        )


def check_schedule(cfg: Config) -> None:
    """Refuse a training that ends before a part of its schedule begins.

    Raises:
        MammoError: A scheduler that lasts to the end of the training would begin there, or later.
    """
    loop = cfg.get('train_cfg') or {}
    schedulers = cfg.get('param_scheduler') or []
    for part in schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]:
        key = 'max_epochs' if part.get('by_epoch', True) else 'max_iters'
        length, begin = loop.get(key), part.get('begin', 0)
        if length is not None and 'end' not in part and begin >= length:
            raise MammoError(
                f'train_cfg.{key}={length}, but {type_name(part.type)} of param_scheduler begins at {begin}',
                f'{key}={begin + 1} or more',
                'Train for longer, or change param_scheduler',
            )
