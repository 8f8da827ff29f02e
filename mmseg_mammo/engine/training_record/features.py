"""Training features: what the network of a checkpoint makes of its training images, for its record."""

import logging
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import IterBasedTrainLoop
from mmseg.registry import TRANSFORMS
from torch import nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import packs, split_steps, touches_image
from mmseg_mammo.engine.fsdp import is_sharded
from mmseg_mammo.engine.training_record.describe import read_training_images
from mmseg_mammo.io.spacing import SIZE_KEYS
from mmseg_mammo.models.image_features import encoder_of, image_features
from mmseg_mammo.models.peft.trainable import unwrapped

Rows = list[list[float]]
MOST = 50  # images
_AHEAD = 4  # images that are read at once, by as many threads


class TrainingFeatures:
    """Features in the network of up to fifty of the training images whose numbers a record has.

    They are those by the weights in a checkpoint, which are averages under EMA, in the way of a
    test. The model, its statistics and all random numbers stay what they are.

    Args:
        runner: Of MMEngine, whose loops are built; None gives none.
    """

    def __init__(self, runner: Any) -> None:
        data = None if runner is None else runner.train_loop.dataloader.dataset
        images = [item for item, _ in read_training_images(data)] if data else []
        places = np.unique(np.linspace(0, len(images) - 1, MOST).round().astype(int))
        self._images = [images[place] for place in places] if images else []
        self._possible = bool(images) and not is_sharded(runner.model)
        self._validated = self._fresh = False
        self._rows: Rows = []

    def validated(self, now: bool) -> None:
        """Say whether a validation has just ended: what is saved until it is over has one set of weights."""
        self._validated, self._fresh = now, False

    def of(self, runner: Any, checkpoint: Mapping[str, Any]) -> Rows:
        """The features by the weights of a checkpoint, in an order that tells nothing of the data.

        Args:
            runner: Of MMEngine.
            checkpoint: About to be saved.

        Returns:
            32 numbers of each image. Empty, if they cannot be had: of a model without encoder, or
            weights that are split (FSDP, DeepSpeed); and between validations.
        """
        model = unwrapped(runner.model)
        encoder, state = encoder_of(model), checkpoint.get('state_dict')
        if not self._possible or encoder is None or not state:
            return []
        if not self._validated and not _is_last(runner):
            return []
        if not self._rows or not (self._fresh or _is_frozen(encoder[1])):
            self._rows = self._look(runner.cfg, model, state)
            self._fresh = self._validated
        return self._rows

    def _look(self, cfg: Config, model: nn.Module, state: Mapping[str, Any]) -> Rows:
        try:
            found = _features(cfg, model, state, self._images)
        # Whatever a part of a user's own raises: nobody asked for these, and the training goes on.
        except Exception as error:  # noqa: BLE001
            said = f'No features of the network in the checkpoint: {type(error).__name__}: {error}'
            print_log(said, 'current', logging.WARNING)
            self._possible = False
            return []
        return sorted(row.tolist() for row in found)


def _is_last(runner: Any) -> bool:
    """Whether the epoch or step that is just ending is the last one."""
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        return runner.iter + 1 >= runner.max_iters
    return runner.epoch + 1 >= runner.max_epochs


def _features(
    cfg: Config, model: nn.Module, state: Mapping[str, Any], images: list[Mapping[str, Any]]
) -> list[np.ndarray]:
    """32 numbers of each image, by the weights ``state`` of the encoder of a model."""
    name, encoder = encoder_of(model) or ('', model)
    own = {**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}
    weights = {key: state[f'{name}.{key}'].to(own[key]) for key in own if f'{name}.{key}' in state}
    steps = _test_steps(cfg)
    preprocess: Any = model.data_preprocessor

    def load(item: Mapping[str, Any]) -> dict:
        known = {key: item[key] for key in ('img_path', *SIZE_KEYS) if key in item}
        return steps({'seg_fields': [], 'reduce_zero_label': False, **known})

    found = []
    with torch.no_grad(), _left_alone(encoder), ThreadPoolExecutor(_AHEAD) as pool:
        for start in range(0, len(images), _AHEAD):
            for one in pool.map(load, images[start : start + _AHEAD]):
                data = {'inputs': [one['inputs']], 'data_samples': [one['data_samples']]}
                inputs = preprocess(data, False)['inputs']
                features = image_features(functional_call(encoder, weights, (inputs,)))
                if features is None:
                    raise ValueError(f'{type(encoder).__name__} gives no feature map')
                found.append(features[0])
    return found


def _test_steps(cfg: Config) -> Compose:
    """The way of an image to the model in a test, without its mask."""
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or cfg.train_dataloader
    pipeline = next(each.get('pipeline') or [] for _, each in datasets_of(loader, ''))
    kept = [s for s in split_steps(pipeline) if touches_image(s) or packs(s.get('type'))]
    return Compose([TRANSFORMS.build(dict(step)) for step in kept])


def _is_frozen(encoder: nn.Module) -> bool:
    """Whether training changes neither a weight nor a statistic of it."""
    trained = any(parameter.requires_grad for parameter in encoder.parameters())
    counting = any(isinstance(m, _BatchNorm) and m.training for m in encoder.modules())
    return not trained and not counting


@contextmanager
def _left_alone(module: nn.Module) -> Iterator[None]:
    """Eval mode for a while; modes and random numbers are then what they were.

    Modes are set one by one: ``train()`` of some modules does more than that.
    """
    modes = {one: one.training for one in module.modules()}
    numbers = random.getstate(), np.random.get_state()
    devices = {p.device for p in module.parameters() if p.device.type == 'cuda'}
    try:
        with torch.random.fork_rng(devices=list(devices)):
            for one in modes:
                one.training = False
            yield
    finally:
        for one, mode in modes.items():
            one.training = mode
        random.setstate(numbers[0])
        np.random.set_state(numbers[1])
