"""Reference: grey levels of the training images, put into the config that checkpoints keep."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import augments, image_steps
from mmseg_mammo.engine.config.type_names import is_a
from mmseg_mammo.errors import MammoError
from mmseg_mammo.transforms.histogram import COUNT, MatchHistogram, breast_quantiles
from mmseg_mammo.transforms.intensity import grey_channel

_SAMPLE = 100  # images, spread evenly over the training


def fill_reference(cfg: Config) -> None:
    """Give each ``MatchHistogram`` of a training without ``reference`` that of its training images.

    It is the mean of :func:`.breast_quantiles` of at most a hundred images, as the steps before it
    leave them, without augmentation. Nothing is read of a config whose steps all have one.

    Args:
        cfg: Changed in place, validation and test included.

    Raises:
        MammoError: The training images do not go through ``MatchHistogram``.
    """
    lacking = list(_lacking(cfg._cfg_dict))
    if not lacking:
        return
    loader = cfg.get('train_dataloader') or {}
    rows = [row for _, each in datasets_of(loader, 'train') for row in _measure(each)]
    if not rows:
        raise MammoError(
            'MatchHistogram without reference in a pipeline that is not trained with',
            'the step in the pipeline of train_dataloader, or a reference',
        )
    reference = [round(float(level), 2) for level in np.mean(rows, axis=0)]
    for step in lacking:
        step['reference'] = list(reference)
    print_log(
        f'MatchHistogram: the reference is the mean of {len(rows)} training images', 'current'
    )


def _measure(settings: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """Quantiles of images of a data set of a config, as they come to its ``MatchHistogram``."""
    before = []
    for step in image_steps(settings.get('pipeline') or ()):
        if _is_lacking(step):
            break
        if not augments(step.get('type')):
            before.append(dict(step))
    else:
        return
    data = DATASETS.build({**settings, 'pipeline': []})
    steps = Compose([TRANSFORMS.build(step) for step in before])
    chosen = np.unique(np.linspace(0, len(data) - 1, _SAMPLE).round().astype(int))
    for number in chosen:
        yield breast_quantiles(grey_channel(steps(data.get_data_info(int(number)))), COUNT)


def _lacking(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        if _is_lacking(node):
            yield node
        for child in node.values():
            yield from _lacking(child)
    elif isinstance(node, (list, tuple)):
        for child in node:
            yield from _lacking(child)


def _is_lacking(step: Mapping[str, Any]) -> bool:
    kind = step.get('type')
    known = kind is not None and is_a(kind, MatchHistogram, TRANSFORMS)
    return known and step.get('reference') is None
