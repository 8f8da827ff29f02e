"""Choice of a calibration: by the highest probability of images, or by the presence of a lesion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_mammo.evaluation.image_level.gate import find_gate
from mmseg_mammo.evaluation.image_level.platt import calibrate
from mmseg_mammo.evaluation.image_level.threshold import Choice, choose, describe, effects
from mmseg_mammo.evaluation.operating_point import LEVEL
from mmseg_mammo.inference.calibration.look import Seen, calibrated, look
from mmseg_mammo.io.image_keys import is_cut

Target = tuple[str, float]


@dataclass(frozen=True)
class Chosen:
    """What a calibration found.

    Attributes:
        choice: Of the threshold that the target asks for.
        threshold: Of pixels.
        temperature: Of pixels.
        seen: The images.
        lines: What is said of the choice.
        effects: What is said of the images at it, and before.
        notes: Sentences for the reader of the file.
        presence: Settings of presence, of a model that has it.
    """

    choice: Choice
    threshold: float
    temperature: float
    seen: Seen
    lines: tuple[str, ...]
    effects: tuple[str, ...]
    notes: tuple[str, ...]
    presence: Mapping[str, float] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """What ``operating_point.json`` says of how sure it is."""
        low, high = self.choice.thresholds
        return {
            'interval': self.choice.as_facts(),
            'threshold_interval': {'low': low, 'high': high, 'level': LEVEL},
        }


def choose_pixels(
    model: Any, cfg: Config, splits: Sequence[str], target: Target, before: Mapping[str, Any]
) -> Chosen:
    """The threshold of pixels, and the temperature, by the highest probability of each image.

    Of a model with presence no image is closed then.

    Args:
        model: See :func:`.look`.
        cfg: See :func:`.look`.
        splits: See :func:`.look`.
        target: Kind and share.
        before: Settings as they were (:func:`.describe_test_output`).

    Raises:
        MammoError: See :func:`.choose`.
    """
    temperature, seen, former = calibrated(model, cfg, splits, before['temperature'])
    choice = choose(seen.scores, seen.lesion, seen.patients, *target)
    any_lesion = bool(seen.lesion.any())
    outlined = seen.logits[1].any()
    fitted = 'fitted to the pixels of all images' if outlined else 'no lesions to fit it to'
    notes = ['An image counts as marked if any pixel exceeds the threshold, wherever it lies.']
    if not any_lesion:
        notes.append('Normal images alone: the temperature is 1, and what is found is not known.')
    if choice.threshold >= 1:
        notes.append(
            'Nothing exceeds this threshold: the model marks nothing at all. Images with a lesion '
            'give a temperature, at which such scores differ.'
        )
    presence = {}
    if seen.presence is not None:
        notes.append('The presence of a lesion is not asked for: no image is closed.')
        kept = ('presence_scale', 'presence_bias')
        presence = {'presence_threshold': 0.0, **{name: before[name] for name in kept}}
    cuts = {'before': (former, before['threshold']), 'now': (seen.scores, choice.threshold)}
    return Chosen(
        choice=choice,
        threshold=choice.threshold,
        temperature=temperature,
        seen=seen,
        lines=(*describe(choice), f'temperature {temperature:.4g} ({fitted})'),
        effects=tuple(effects(seen.lesion, cuts)),
        notes=(*notes, *_note_on_cuts(seen)),
        presence=presence,
    )


def choose_presence(
    model: Any, cfg: Config, splits: Sequence[str], target: Target, before: Mapping[str, Any]
) -> Chosen:
    """The threshold up to which images are closed; that of pixels stays as it was.

    Args:
        model: See :func:`.look`; with presence.
        cfg: See :func:`.look`.
        splits: See :func:`.look`.
        target: Kind and share.
        before: See :func:`choose_pixels`.

    Raises:
        MammoError: See :func:`.find_gate`.
    """
    seen = look(model, cfg, splits, before['temperature'])
    assert seen.presence is not None  # of a model with presence
    former = (before['presence_scale'], before['presence_bias'])
    gate = find_gate(seen.presence, seen.lesion, seen.patients, target, former)
    limits = {'before': (former, before['presence_threshold'])}
    limits['now'] = ((gate.scale, gate.bias), gate.choice.threshold)
    cuts = {
        name: (_where_open(seen, *limit), float(before['threshold']))
        for name, limit in limits.items()
    }
    note = (
        'An image whose presence is not above presence_threshold is left empty; the threshold of '
        'pixels is as before. An open image may be empty too: more normal images are left empty '
        'than are closed, and fewer images with a lesion are marked than are open.'
    )
    kind = 'lesion' if not gate.lesion else 'normal' if not gate.normal else ''
    fitted = f'as before: no {kind} images to fit them to' if kind else 'fitted to these images'
    scores = f'scale {gate.scale:.4g} and bias {gate.bias:.4g} of presence ({fitted})'
    area = f'; AUROC {gate.auroc:.3f}' if not kind else ''
    return Chosen(
        choice=gate.choice,
        threshold=float(before['threshold']),
        temperature=float(before['temperature']),
        seen=seen,
        lines=(*describe(gate.choice, 'presence threshold'), f'{scores}{area}'),
        effects=tuple(effects(seen.lesion, cuts)),
        notes=(note, *_note_on_cuts(seen)),
        presence=gate.as_settings(),
    )


def _note_on_cuts(seen: Seen) -> list[str]:
    """A sentence if some of the images are cuts."""
    count = sum(map(is_cut, seen.sources.tolist()))
    said = (
        f'{count} of the {len(seen.sources)} images are cuts of other images: of whole images the '
        'true share may be another (docs/absence.md).'
    )
    return [said] if count else []


def _where_open(seen: Seen, platt: tuple[float, float], limit: float | None) -> np.ndarray:
    """The N highest probabilities; below 0 where an image is closed."""
    assert seen.presence is not None
    closed = np.isneginf(seen.presence)
    if limit is not None:
        closed |= calibrate(seen.presence, *platt) <= limit
    return np.where(closed, -1.0, seen.scores)
