"""Found: what one model makes of one image, and what several, or a mirrored image, make together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmseg.structures import SegDataSample

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.models.test_output import TestOutput


@dataclass(frozen=True)
class Found:
    """Of one image.

    Attributes:
        probability: Of a lesion, H×W float32 on the grid of the image.
        mask: H×W bool, empty of a closed image; None where it is still to be cut from a mean.
        presence: Probability that there is a lesion at all, 0 to 1; None of a model that does not
            tell.
        closed: Whether the presence is not above its threshold.
        presence_logit: Raw; None as ``presence``.
        candidates: Of a model of two stages; see :class:`.Prediction`.
    """

    probability: np.ndarray
    mask: np.ndarray | None
    presence: float | None = None
    closed: bool = False
    presence_logit: float | None = None
    candidates: tuple[Mapping[str, Any], ...] | None = None


def found_in(sample: SegDataSample) -> Found:
    """What a sample that a model predicted on says."""
    return Found(
        lesion_probability(sample.seg_logits.data).cpu().numpy(),
        sample.pred_sem_seg.data[0].cpu().numpy() > 0,
        sample.metainfo.get('presence'),
        bool(sample.metainfo.get('closed', False)),
        sample.metainfo.get('presence_logit'),
        _scaled_candidates(sample.metainfo),
    )


def _scaled_candidates(meta: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...] | None:
    """Those of a model of two stages in pixels of the mask, which may be larger than what it saw."""
    if 'full_shape' not in meta:
        return None
    sy, sx = (side / own for side, own in zip(meta['ori_shape'], meta['full_shape'], strict=True))
    found = []
    for one in meta['candidates']:
        left, top, right, bottom = one['crop']
        x, y = (one['x'] + 0.5) * sx - 0.5, (one['y'] + 0.5) * sy - 0.5
        crop = (left * sx, top * sy, right * sx, bottom * sy)
        found.append({**one, 'x': x, 'y': y, 'crop': crop})
    return tuple(found)


def mirrored(loaded: Mapping[str, Any]) -> dict[str, Any]:
    """The image flipped left to right; mmseg flips the logits back by the metainfo."""
    sample = loaded['data_samples'].clone()
    sample.set_metainfo({'flip': True, 'flip_direction': 'horizontal'})
    return {'inputs': loaded['inputs'].flip(-1), 'data_samples': sample}


def with_mirrored(one: Found, other: Found, output: TestOutput) -> Found:
    """The mean of an image and its mirrored self; of presence that of the raw logits.

    Args:
        one: Of the image.
        other: Of the mirrored one.
        output: Of the model, which calibrates presence.
    """
    mean, presence = (one.probability + other.probability) / 2, None
    if one.presence_logit is not None and other.presence_logit is not None:
        presence = output.presence((one.presence_logit + other.presence_logit) / 2)
    return Found(mean, None, presence)


def merge(each: Sequence[Found], output: Mapping[str, Any]) -> Found:
    """One prediction of those of several models.

    Args:
        each: At least one; they have a presence all, or none.
        output: ``threshold`` and, of models with presence, ``presence_threshold``.

    Raises:
        MammoError: A probability is not a number.
    """
    first = each[0]
    if len(each) == 1 and first.mask is not None:
        merged = first
    else:
        mean = np.stack([one.probability for one in each]).mean(axis=0, dtype=np.float32)
        known = [one.presence for one in each if one.presence is not None]
        presence = float(np.mean(known)) if known else None
        limit = output.get('presence_threshold')
        # Without a threshold an image that nothing was asked of is closed, as it is by one model.
        closed = presence is not None and presence <= (limit or 0.0)
        mask = (mean > output['threshold']) & (not closed)
        merged = Found(mean, mask, presence, closed)
    if not np.isfinite(merged.probability).all():
        raise MammoError(
            'the model gives probabilities that are not numbers',
            remedy='Its training diverged: take another checkpoint',
        )
    return merged


def one_output(outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The test-time output of the mean of models.

    Presences are calibrated, each of its model, so that their mean is held against the mean of
    their thresholds; ``presence_scale`` and ``presence_bias`` of several models are left out.

    Args:
        outputs: Of each (:func:`.describe_test_output`).

    Raises:
        MammoError: Some have a presence, or a threshold of it, and others not; or they disagree on
            another setting.
    """
    for name in ('threshold', 'temperature', 'breast_only'):
        values = [output[name] for output in outputs]
        if len(set(values)) > 1:
            raise MammoError(
                f'checkpoints with {name} {", ".join(map(str, values))}',
                'one for their mean',
                'Give --threshold, or --operating-point for all',
            )
    merged = dict(outputs[0])
    flips = [output.get('flips', False) for output in outputs]
    if len(set(flips)) > 1:  # each has its own
        merged['flips'] = flips
    if len(outputs) == 1 or not any('presence_threshold' in output for output in outputs):
        return merged
    limits = [output.get('presence_threshold', 'no presence') for output in outputs]
    if len({type(limit) for limit in limits}) > 1:
        raise MammoError(
            f'checkpoints with presence_threshold {", ".join(map(str, limits))}',
            'models that all say whether there is a lesion at all, each with a threshold, or none',
            'Leave the others out',
        )
    merged = {k: v for k, v in merged.items() if k not in ('presence_scale', 'presence_bias')}
    if limits[0] is not None:
        merged['presence_threshold'] = float(np.mean(limits))
    return merged
