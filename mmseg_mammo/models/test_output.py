"""Test-time output: what is done to the logits of a trained model before they are a mask."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.breast import find_breast
from mmseg_mammo.evaluation.grids import lesion_probability

# Added to the logit of the background: in float32 the softmax of it is exactly 0, and no number of
# float16 overflows.
_NEVER = -200.0
# Fields of a sample that hold logits of both classes, or one probability.
_OF_CLASSES = ('seg_logits', 'input_logits')
# Of a promptable model: K×H×W logits, each beside a background of zero.
_OF_CANDIDATES = ('candidates', 'best_of_each', 'input_candidates', 'input_best_of_each')


@dataclass(frozen=True)
class TestOutput:
    """Settings of a model's test-time output; those of the default change nothing, to the bit.

    Attributes:
        threshold: Probability above which a pixel is lesion, 0 to 1, for models of one and of two
            output channels alike. None: as trained, which is ``decode_head.threshold`` of one
            channel, and the class of the higher logit of two.
        temperature: Number that logits are divided by (Guo et al., ICML 2017): above 1
            makes probabilities less sure, and moves none across 0.5.
        breast_only: Whether probabilities outside the breast (:func:`.find_breast`) are 0.
        flips: Whether logits are the mean over the image and its three mirror images
            (:func:`.mean_over_flips`), which takes four times as long. Presence is that of the image
            alone. For models of whole images without prompts.
        presence_threshold: An image is closed, and its mask empty, where the presence of a lesion
            is not above it, 0 to 1. None closes no image. It and the next two are for models that
            have a presence alone.
        presence_scale: Presence is ``sigmoid(scale · logit + bias)`` (Platt, 1999); above 0.
        presence_bias: See ``presence_scale``.
    """

    __test__ = False  # pytest takes it for a test case

    threshold: float | None = None
    temperature: float = 1.0
    breast_only: bool = False
    flips: bool = False
    presence_threshold: float | None = None
    presence_scale: float = 1.0
    presence_bias: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name in ('threshold', 'presence_threshold'):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise MammoError(
                    f'test_output.{name}={value}', 'a probability from 0 to 1, or None'
                )
        if not isinstance(self.flips, bool):
            raise MammoError(f'test_output.flips={self.flips!r}', 'True or False')
        if not 0 < self.temperature < math.inf:
            raise MammoError(
                f'test_output.temperature={self.temperature}', 'a number above 0; 1 changes nothing'
            )
        if not 0 < self.presence_scale < math.inf:
            raise MammoError(
                f'test_output.presence_scale={self.presence_scale}',
                'a number above 0; 1 changes nothing',
                'A presence that falls where lesions are is none: train its head again',
            )
        if not math.isfinite(self.presence_bias):
            raise MammoError(f'test_output.presence_bias={self.presence_bias}', 'a finite number')

    def scale(self, logits: Tensor) -> Tensor:
        """Logits of any shape, divided by the temperature."""
        return logits if self.temperature == 1 else logits / self.temperature

    def cut(self, sample: SegDataSample) -> None:
        """Cut ``pred_sem_seg`` again, by the threshold, where there is one."""
        if self.threshold is not None:
            mask = sample.pred_sem_seg.data
            found = lesion_probability(sample.seg_logits.data) > self.threshold
            sample.pred_sem_seg.data = found[None].to(mask.dtype)

    def presence(self, logit: float) -> float:
        """The probability that an image has a lesion at all, from the logit of a model."""
        scaled = self.presence_scale * logit + self.presence_bias
        return float(torch.tensor(scaled, dtype=torch.float64).sigmoid())

    def closes(self, presence: float) -> bool:
        """Whether an image of this presence, 0 to 1, is closed."""
        return self.presence_threshold is not None and presence <= self.presence_threshold

    def gate(self, sample: SegDataSample, logit: float) -> None:
        """Note the presence of a lesion in a sample, and empty its mask if that closes it.

        Args:
            sample: Changed in place: metainfo ``presence``, ``presence_logit`` and ``closed``, and
                ``pred_sem_seg`` of a closed one. ``seg_logits`` and ``input_logits`` stay, as the
                evidence.
            logit: Raw. Minus infinity where nothing was asked for: presence 0, closed.
        """
        presence = self.presence(logit)
        closed = self.closes(presence) or logit == -math.inf
        sample.set_metainfo(dict(presence=presence, presence_logit=logit, closed=closed))
        if closed:
            mask = sample.pred_sem_seg.data
            sample.pred_sem_seg.data = torch.zeros_like(mask)


# Settings that mean something for models with a presence alone.
OF_PRESENCE = tuple(f.name for f in fields(TestOutput) if f.name.startswith('presence_'))


def refuse_without_presence(settings: Mapping[str, Any] | None, model: str) -> None:
    """Refuse settings of presence for a model that has none.

    Args:
        settings: ``test_output`` of a model.
        model: Its name, for the error.

    Raises:
        MammoError: There is one that is not the default.
    """
    usual = TestOutput()
    for name in OF_PRESENCE:
        value = (settings or {}).get(name, getattr(usual, name))
        if value != getattr(usual, name):
            raise MammoError(
                f'test_output.{name}={value} beside {model} without presence',
                'a model that says whether there is a lesion at all',
                'Train with model.presence_head (of SAM model.object_score), or leave it out',
            )


def read_test_output(settings: Mapping[str, Any] | None) -> TestOutput:
    """The settings of a config.

    Args:
        settings: ``test_output`` of a model; None for the default.

    Raises:
        MammoError: One of them does not exist, or its value means nothing.
    """
    known = [field.name for field in fields(TestOutput)]
    if settings is not None and not isinstance(settings, Mapping):
        raise MammoError(f'test_output={settings!r}', f'a dict of {", ".join(known)}')
    unknown = sorted(set(settings or {}) - set(known))
    if unknown:
        raise MammoError(f'test_output.{unknown[0]}: no such setting', ', '.join(known))
    return TestOutput(**(settings or {}))


def input_breast(image: Tensor, sample: SegDataSample) -> np.ndarray:
    """The breast on the network's input, without padding, and not flipped.

    Args:
        image: 3×H'×W' grey levels, not normalised.
        sample: With the metainfo of padding and flips, if there were any.

    Returns:
        h×w bool, on the grid of ``input_logits``.
    """
    meta = sample.metainfo
    left, right, top, bottom = meta.get('img_padding_size') or meta.get('padding_size') or [0] * 4
    levels = image.float().mean(dim=0)
    height, width = levels.shape
    picture = levels[top : height - bottom, left : width - right].cpu().numpy()
    found = find_breast(picture)
    if meta.get('flip'):
        found = found[:, ::-1] if meta.get('flip_direction') == 'horizontal' else found[::-1]
    return np.ascontiguousarray(found)


def clear_outside(sample: SegDataSample, breast: np.ndarray) -> None:
    """Set the probability of lesion outside the breast to 0, on every grid that a sample has.

    Args:
        sample: Changed in place: ``seg_logits``, ``pred_sem_seg`` and, where they are,
            ``input_logits`` and candidates. A logit becomes the background's minus 200.
        breast: h×w bool; brought onto each grid.
    """
    for name in (*_OF_CLASSES, *_OF_CANDIDATES, 'pred_sem_seg'):
        if name not in sample.keys():  # noqa: SIM118 - in metainfo it is another thing
            continue
        data = sample.get(name).data
        outside = ~_on_grid(breast, data)
        if name == 'pred_sem_seg':
            cleared = data.masked_fill(outside, 0)
        elif name in _OF_CANDIDATES:
            cleared = data.masked_fill(outside, _NEVER)
        elif len(data) == 1:  # a probability already
            cleared = data.masked_fill(outside, 0.0)
        else:
            lesion = torch.where(outside, data[0] + _NEVER, data[1])
            cleared = torch.stack([data[0], lesion, *data[2:]])
        sample.get(name).data = cleared


def _on_grid(breast: np.ndarray, like: Tensor) -> Tensor:
    """The breast as H×W bool on the grid and device of a C×H×W tensor."""
    height, width = like.shape[-2:]
    grid: np.ndarray = breast.astype(np.float32)
    if grid.shape != (height, width):
        grid = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(grid > 0.5).to(like.device)
