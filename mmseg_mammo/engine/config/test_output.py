"""Test-time output in configs: threshold, temperature, ``breast_only``, flips and presence, of model and metric."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import MODELS

from mmseg_mammo.engine.config.type_names import is_a, type_name
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.operating_point import OperatingPoint, read_operating_point
from mmseg_mammo.models.folds.segmentor import FoldSegmentor
from mmseg_mammo.models.input_grid import InputGrid
from mmseg_mammo.models.test_output import (
    OF_PRESENCE,
    read_test_output,
    refuse_without_presence,
)
from mmseg_mammo.models.two_stage.segmentor import TwoStageSegmentor

HOST_THRESHOLD = 0.3  # mmseg's, of one output channel without a threshold
# Of a config whose training chose its test-time output: the threshold and temperature that it chose.
OF_TRAINING = 'trained_output'


def use_test_output(
    cfg: Config,
    threshold: float | None = None,
    temperature: float | None = None,
    breast_only: bool | None = None,
    *,
    flips: bool | None = None,
    presence_threshold: float | None = None,
    presence_scale: float | None = None,
    presence_bias: float | None = None,
) -> None:
    """Set the test-time output of the model, and the threshold of the metrics with it.

    A promise that was made of other settings is no longer measured.

    Args:
        cfg: Changed in place; its model may be wrapped for test-time augmentation.
        threshold: Probability above which a pixel is lesion; None leaves that of the config.
        temperature: Number that logits are divided by; None leaves that of the config.
        breast_only: Whether probabilities outside the breast are 0; None leaves it.
        flips: Whether logits are the mean over four mirror images; None leaves it.
        presence_threshold: Presence up to which an image is closed; None leaves that of the config.
        presence_scale: Of the presence's calibration; None leaves it.
        presence_bias: Likewise.

    Raises:
        MammoError: The model has no such output, or a value means nothing.
    """
    asked = dict(
        threshold=threshold,
        temperature=temperature,
        breast_only=breast_only,
        flips=flips,
        presence_threshold=presence_threshold,
        presence_scale=presence_scale,
        presence_bias=presence_bias,
    )
    asked = {name: value for name, value in asked.items() if value is not None}
    if not asked:
        return
    model = bare_model(cfg)
    if not is_a(model.type, InputGrid, MODELS):
        raise MammoError(
            f'{", ".join(asked)} of the test-time output beside model.type={type_name(model.type)}',
            'InputGridEncoderDecoder, which is the same as EncoderDecoder otherwise, or SAMSegmentor',
            'Set model.type',
        )
    settings = {**(model.get('test_output') or {}), **asked}
    read_test_output(settings)
    if not has_presence(cfg):
        refuse_without_presence(settings, type_name(model.type))
    model.test_output = settings
    for metric in metrics(cfg):
        metric.pop('promise', None)
        if threshold is not None:
            metric.threshold = threshold


def use_operating_point(
    cfg: Config,
    file: Path | None = None,
    threshold: float | None = None,
    breast_only: bool | None = None,
    checkpoint: Path | None = None,
) -> OperatingPoint | None:
    """Apply a file's threshold, temperature, ``breast_only``, flips and presence, or what is given instead.

    A file that was found with another checkpoint is applied, and a warning says so.

    Args:
        cfg: Changed in place; see :func:`use_test_output`.
        file: ``operating_point.json``; it cannot be combined with the rest.
        threshold: Probability, 0 to 1.
        breast_only: Whether probabilities outside the breast are 0.
        checkpoint: That it is for; None where nobody knows.

    Returns:
        What was read, if there was a file.

    Raises:
        MammoError: A file beside another value; or see :func:`use_test_output`.
        DataFileError: The file cannot be used.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise MammoError(f'--threshold {threshold:g}', 'a probability from 0 to 1')
    if file is None:
        use_test_output(cfg, threshold, breast_only=breast_only)
        return None
    if threshold is not None or breast_only is not None:
        other = '--breast-only' if threshold is None else '--threshold'
        raise MammoError(
            f'--operating-point {file} beside {other}: its threshold holds for its own settings only',
            'one of them',
            'Leave one out, or write a file for these settings with mammoseg calibrate',
        )
    point = read_operating_point(file)
    found_with = point.model.get('checkpoint_sha256')
    if checkpoint and found_with and sha256(checkpoint) != found_with:
        print_log(
            f'{file} was found with another checkpoint ({found_with[:12]}) than {checkpoint}: its '
            'threshold may mean something else here',
            'current',
            logging.WARNING,
        )
    more: dict[str, Any] = {'flips': point.flips, **point.presence()}
    use_test_output(cfg, point.threshold, point.temperature, point.breast_only, **more)
    if point.promise:
        images = {name: point.images.get(name) for name in ('split', 'sources')}
        for metric in metrics(cfg, ('test_evaluator',)):
            metric.promise = {'target': point.target, **images, **point.promise}
    return point


def use_trained_output(cfg: Config, threshold: float, temperature: float) -> None:
    """Set the test-time output that a training itself chose; what is set afterwards is a change of it.

    Args:
        cfg: Changed in place; see :func:`use_test_output`.
        threshold: Likewise.
        temperature: Likewise.
    """
    use_test_output(cfg, threshold, temperature)
    cfg[OF_TRAINING] = dict(threshold=threshold, temperature=temperature)


def threshold_of(cfg: Config) -> float:
    """The probability above which the model of ``cfg`` takes a pixel for lesion."""
    chosen = (bare_model(cfg).get('test_output') or {}).get('threshold')
    return trained_threshold(cfg) if chosen is None else float(chosen)


def trained_threshold(cfg: Config) -> float:
    """The threshold of ``cfg`` without its ``test_output``."""
    model = bare_model(cfg)
    if is_a(model.get('type'), FoldSegmentor, MODELS):
        model = model.member
    if is_a(model.get('type'), TwoStageSegmentor, MODELS):
        chosen = (model.get('keep') or {}).get('threshold')
        return 0.5 if chosen is None else float(chosen)
    head = model.get('decode_head') or {}
    if isinstance(head, (list, tuple)):  # of a cascade, the last one
        head = head[-1]
    if head.get('out_channels') != 1:
        return 0.5
    given = head.get('threshold')
    return HOST_THRESHOLD if given is None else float(given)


def describe_test_output(cfg: Config) -> dict[str, Any]:
    """What holds in a run of ``cfg``, for its records.

    Returns:
        ``threshold``, ``temperature``, ``breast_only``, ``flips``, and ``trained_threshold``, which the training
        chose, or which would hold without the test-time output; where the training chose a
        temperature also ``trained_temperature``; of a model with presence also its three settings.
        With a promise that the test measures also ``promise``, see :class:`.MammographyMetric`.
    """
    given = vars(read_test_output(bare_model(cfg).get('test_output')))
    if not has_presence(cfg):
        given = {name: value for name, value in given.items() if name not in OF_PRESENCE}
    thresholds: dict[str, Any] = {
        'threshold': threshold_of(cfg),
        'trained_threshold': trained_threshold(cfg),
    }
    thresholds |= {f'trained_{name}': v for name, v in (cfg.get(OF_TRAINING) or {}).items()}
    for metric in metrics(cfg, ('test_evaluator',)):
        if metric.get('promise'):
            thresholds['promise'] = dict(metric.promise)
    return {**given, **thresholds}


def has_presence(cfg: Config) -> bool:
    """Whether the model of ``cfg`` says if an image has a lesion at all."""
    model = bare_model(cfg)
    if is_a(model.get('type'), TwoStageSegmentor, MODELS):
        return True
    if is_a(model.get('type'), FoldSegmentor, MODELS):
        model = model.member
    return any(model.get(name) is not None for name in ('presence_head', 'object_score'))


def bare_model(cfg: Config) -> Any:
    """The model of ``cfg``, out of its wrapper for test-time augmentation."""
    return cfg.model.get('module') or cfg.model


def metrics(
    cfg: Config, evaluators: tuple[str, ...] = ('val_evaluator', 'test_evaluator')
) -> Iterator[Any]:
    """The settings of each ``MammographyMetric`` of validation and test."""
    for name in evaluators:
        found = cfg.get(name) or []
        for metric in found if isinstance(found, (list, tuple)) else [found]:
            if type_name(metric.get('type')) == 'MammographyMetric':
                yield metric
