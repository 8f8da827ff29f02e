"""Whole: the config, the record and the file of a model that is made of several trained ones."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmseg_mammo.engine.checkpoint import build_model, check_state, load_model
from mmseg_mammo.engine.config.differences import note_clahe
from mmseg_mammo.engine.config.stored import plain_settings
from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.provenance import versions
from mmseg_mammo.engine.training_record.describe import describe_input
from mmseg_mammo.io.checkpoint_record import FORMAT, add_record
from mmseg_mammo.io.files import sha256, write_atomic

# What is of a training or its validation, and of its parts; the whole is tested only.
_LEFT_OUT = (
    *('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'),
    *('val_dataloader', 'val_cfg', 'val_evaluator', 'stages'),
)
# Of the record of a part, what the record of the whole keeps.
_OF_PART = ('name', 'model', 'input', 'epoch', 'iter', 'best_score', 'trained_on', 'config')


def of_tests(cfg: Config) -> dict[str, Any]:
    """The settings of a config that a test needs; a copy."""
    return {key: value for key, value in cfg.to_dict().items() if key not in _LEFT_OUT}


def build_whole(cfg: Config, parts: Mapping[str, tuple[Config, Path]]) -> Any:
    """The model of the whole with the weights of its parts, in eval mode on the CPU.

    Args:
        cfg: Of the whole, for tests.
        parts: The config that each part was trained with, and its checkpoint, by its name in the
            model; frozen weights that a checkpoint lacks come from the file of its config.
    """
    model = build_model(cfg)
    state = {}
    for name, (own, file) in parts.items():
        weights = load_model(copy.deepcopy(own), file).state_dict()
        state.update({f'{name}.{key}': value for key, value in weights.items()})
    check_state(state, model, ' and '.join(str(file) for _, file in parts.values()))
    model.load_state_dict(state)
    model.cfg = cfg
    return model.eval()


def describe_part(file: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """What the record of the whole says of a part: the hash of its file, and of its record the most."""
    return {'sha256': sha256(file), **{key: record.get(key) for key in _OF_PART}}


def describe_whole(
    cfg: Config, records: Mapping[str, Mapping[str, Any]], first: str
) -> dict[str, Any]:
    """The record of a checkpoint of the whole, but for what is said of its parts.

    Args:
        cfg: Of the whole, for tests.
        records: Of the checkpoint of each part, by its name.
        first: The part whose images and training data it has.
    """
    own = records[first]
    return {
        'format': FORMAT,
        'versions': versions(),
        'name': Path(cfg.filename).stem if cfg.filename else 'unnamed',
        'model': type_name(cfg.model.type),
        'input': describe_input(cfg),
        'threshold': threshold_of(cfg),
        'trained_on': own.get('trained_on', {}),
        'images': own.get('images', {}),
        'preparation': own.get('preparation', {}),
        'base': [base for record in records.values() for base in record.get('base', [])],
        'config': plain_settings(cfg),
        'epoch': sum(record.get('epoch') or 0 for record in records.values()),
        'iter': sum(record.get('iter') or 0 for record in records.values()),
        'trained_only': False,
    }


def write_model(path: Path, model: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """Write the checkpoint of a model with its record; what was there before stays until it is whole.

    Args:
        path: The file.
        model: With its config in ``model.cfg``. Tensors that share their memory are written once.
        record: See :func:`.add_record`.

    Returns:
        Facts of the file.
    """
    content: dict[str, Any] = {
        'meta': {'cfg': model.cfg.pretty_text, 'epoch': 0, 'iter': 0},
        'state_dict': model.state_dict(),
    }
    note_clahe(content)

    def write(stream: Any) -> None:
        torch.save(content, stream)
        add_record(stream, record)

    write_atomic(path, write)
    return {'checkpoint': path.name, 'sha256': sha256(path)}
