"""``operating_point.json``: where a model is cut, why there, and on which images that was found."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.files import read_json, replace_nan, write_atomic

OPERATING_POINT = 'operating_point.json'
KINDS = ('specificity', 'sensitivity')
# What mammoseg calibrate --promise promises: a share between 0 and 1, or a number of marks.
PROMISES = ('pixel-recall', 'image-recall', 'false-marks', 'missed-lesions')
MOST_FALSE = 5.0
_REMEDY = 'mammoseg calibrate and mammoseg report write such files; write it again'
_OF_PRESENCE = ('presence_threshold', 'presence_scale', 'presence_bias')
_DIGEST = re.compile('[0-9a-f]{64}')


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold with its reason.

    Attributes:
        threshold: Probability above which a pixel is lesion, 0 to 1.
        temperature: Number that logits are divided by before; above 0.
        breast_only: Whether probabilities outside the breast are 0.
        target: Such as ``'specificity=0.9'``, or a promise such as ``'pixel-recall=0.9'``; empty for
            a threshold that was simply given.
        images: What it was found on: names of sources, counts, the hash of the index.
        model: Checkpoint, its SHA-256, config.
        interval: Of the target: ``low``, ``high``, ``level``, and how they were found.
        threshold_interval: ``low``, ``high`` and ``level`` of the threshold itself.
        notes: Sentences for the reader.
        promise: Of a promise: ``confidence``, ``method``, counts, and what was measured at it. Not
            written without one.
        flips: Whether logits are the mean over four mirror images. None, of earlier versions, leaves
            what the model has, and is not written.
        presence_threshold: Of a model with presence: an image whose presence is not above it is
            closed, and its mask empty; 0 closes none. None leaves what the model has, and is not
            written.
        presence_scale: Presence is ``sigmoid(scale · logit + bias)``; written with the threshold.
        presence_bias: See ``presence_scale``.
    """

    threshold: float
    temperature: float = 1.0
    breast_only: bool = False
    target: str = ''
    images: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    interval: Mapping[str, Any] = field(default_factory=dict)
    threshold_interval: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    promise: Mapping[str, Any] = field(default_factory=dict)
    flips: bool | None = None
    presence_threshold: float | None = None
    presence_scale: float = 1.0
    presence_bias: float = 0.0

    def presence(self) -> dict[str, float]:
        """Those settings of presence that it has: all three, or none."""
        if self.presence_threshold is None:
            return {}
        return {name: getattr(self, name) for name in _OF_PRESENCE}


def read_operating_point(path: Path) -> OperatingPoint:
    """Read a file strictly.

    Raises:
        DataFileError: It is missing, no JSON object, has an unknown key or lacks the threshold, or
            a value means nothing. The message names the key and what is allowed.
    """
    found = read_json(path, _REMEDY)
    known = [each.name for each in fields(OperatingPoint)]
    if unknown := sorted(set(found) - set(known)):
        raise DataFileError(f'{path}: unknown key {unknown[0]!r}', ', '.join(known), _REMEDY)
    if 'threshold' not in found:
        raise DataFileError(f'{path}: no threshold', 'a probability from 0 to 1', _REMEDY)
    _check(found, path)
    return OperatingPoint(**{**found, 'notes': tuple(found.get('notes', ()))})


def write_operating_point(path: Path, point: OperatingPoint) -> None:
    """Write a new file.

    Raises:
        DataFileError: There is one already: it is never overwritten.
    """
    check_new(path)
    write_atomic(path, lambda stream: stream.write(format_point(point)))


def check_new(path: Path) -> None:
    """Refuse a file that is there already, before anything is computed for it."""
    if path.exists():
        raise DataFileError(f'{path} exists, and is not overwritten', remedy='Name another --out')


def format_point(point: OperatingPoint) -> bytes:
    """The content of a file."""
    facts = {k: v for k, v in asdict(point).items() if k not in _OF_PRESENCE} | point.presence()
    if not point.promise:
        del facts['promise']
    if point.flips is None:
        del facts['flips']
    return (json.dumps(replace_nan(facts), indent=2, allow_nan=False) + '\n').encode()


def read_promise(text: str) -> tuple[str, float]:
    """Kind and level of a promise.

    Raises:
        MammoError: It is no promise.

    >>> read_promise('false-marks=0.5')
    ('false-marks', 0.5)
    """
    kind, value = _split(text)
    highest = MOST_FALSE if kind == 'false-marks' else 1
    if kind not in PROMISES or not 0 < value < highest:
        raise MammoError(
            f'promise {text!r}',
            'pixel-recall=R, image-recall=R or missed-lesions=M with a share between 0 and 1, or '
            f'false-marks=F of an image, between 0 and {MOST_FALSE:g}',
        )
    return kind, value


def read_target(text: str) -> tuple[str, float]:
    """Kind and share of a target.

    Raises:
        MammoError: It is no target.

    >>> read_target('specificity=0.9')
    ('specificity', 0.9)
    """
    kind, value = _split(text)
    if kind not in KINDS or not 0 < value < 1:
        raise MammoError(
            f'target {text!r}',
            'specificity=S or sensitivity=S with S between 0 and 1, such as specificity=0.9',
        )
    return kind, value


def _split(text: str) -> tuple[str, float]:
    """What is before and after ``=``; 0 for what is no number."""
    kind, _, number = text.partition('=')
    try:
        return kind, float(number)
    except ValueError:
        return kind, 0.0


def _check(found: Mapping[str, Any], path: Path) -> None:
    """Refuse values that mean nothing."""
    for name, value in found.items():
        fits, allowed = _RULES.get(name, (_is_object, 'an object'))
        if not fits(value):
            raise DataFileError(f'{path}: {name} is {json.dumps(value)}', allowed, _REMEDY)
    digest = found.get('model', {}).get('checkpoint_sha256')
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        allowed = '64 hexadecimal digits'
        raise DataFileError(f'{path}: model.checkpoint_sha256 is {digest!r}', allowed, _REMEDY)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_target(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    read = read_promise if value.partition('=')[0] in PROMISES else read_target
    try:
        return not value or bool(read(value))
    except MammoError:
        return False


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    'threshold': (lambda v: _is_number(v) and 0 <= v <= 1, 'a probability from 0 to 1'),
    'temperature': (lambda v: _is_number(v) and 0 < v < math.inf, 'a number above 0'),
    'presence_threshold': (lambda v: _is_number(v) and 0 <= v <= 1, 'a probability from 0 to 1'),
    'presence_scale': (lambda v: _is_number(v) and 0 < v < math.inf, 'a number above 0'),
    'presence_bias': (lambda v: _is_number(v) and math.isfinite(v), 'a finite number'),
    'breast_only': (lambda v: isinstance(v, bool), 'true or false'),
    'flips': (lambda v: isinstance(v, bool), 'true or false'),
    'target': (_is_target, 'specificity=S, sensitivity=S, a promise or ""'),
    'notes': (
        lambda v: isinstance(v, list) and all(isinstance(one, str) for one in v),
        'a list of texts',
    ),
}
