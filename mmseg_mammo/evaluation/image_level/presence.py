"""Presence of a lesion in an image: columns of its record, and scalars over records. Pure functions.

Presence is a model's probability that an image has a lesion at all. An image whose presence is not
above a threshold is closed: its mask is empty. What the mask would be otherwise is counted beside.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.operating_point import auroc
from mmseg_mammo.evaluation.overlap import Overlap
from mmseg_mammo.io.run_folder import PRESENCE_COLUMNS, UNGATED


def is_closed(sample: Mapping[str, Any]) -> bool:
    """Whether a model with presence says that an image has no lesion; False of other models.

    Args:
        sample: mmseg's sample as a dict, with its metainfo.
    """
    return bool(sample.get('closed', False))


def presence_columns(
    sample: Mapping[str, Any], ungated: Overlap, max_probability: float
) -> dict[str, float]:
    """Columns of an image of a model with presence; none of other models.

    Args:
        sample: With ``presence``, ``presence_logit`` and ``closed``, if the model has them.
        ungated: Overlap of the mask with the truth as if nothing were closed.
        max_probability: Highest probability as if nothing were closed.

    Returns:
        Values of ``PRESENCE_COLUMNS``.

    Raises:
        MammoError: The logit is not a number.

    >>> said = {'presence': 0.1, 'presence_logit': -2.2, 'closed': True}
    >>> presence_columns(said, Overlap(4, 2, 1), 0.8)['ungated_intersection_pixels']
    1
    >>> presence_columns({}, Overlap(4, 2, 1), 0.8)
    {}
    """
    if 'presence' not in sample:
        return {}
    own = (float(sample['presence']), float(sample['presence_logit']), int(sample['closed']))
    if math.isnan(own[1]):
        raise MammoError(
            f'{sample.get("img_path", "")}: the model gives a presence that is not a number',
            remedy='The training has diverged: lower the learning rate, or train without --amp',
        )
    counts = (ungated.predicted, ungated.intersection, max_probability)
    return dict(zip(PRESENCE_COLUMNS, (*own, *counts), strict=True))


def is_positive(record: Mapping[str, Any]) -> bool:
    """Whether an image has a lesion: as the index says, else by its true mask.

    >>> is_positive({'annotated': 'lesion', 'truth_pixels': 0}), is_positive({'truth_pixels': 0})
    (True, False)
    """
    said = record.get('annotated')
    return said == 'lesion' if said in ('lesion', 'normal') else record['truth_pixels'] > 0


def was_asked(logits: np.ndarray) -> np.ndarray:
    """Which of N images their model was asked about, N bool.

    A promptable model without a prompt is not: that such an image is closed says nothing of the model.

    Args:
        logits: N raw logits of presence, minus infinity where there was nothing to ask for.
    """
    return np.isfinite(logits)


def summarise_presence(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Scalars over the images of a model with presence; empty of other models.

    Args:
        records: One per image, with :func:`presence_columns`.

    Returns:
        ``presence_auroc``, 0 to 1, of the images that the model was asked about
        (:func:`was_asked`); ``ungated_lesion_dice`` and ``ungated_specificity``, in percent, as
        if nothing were closed. NaN where there is nothing to average.

    >>> summarise_presence([{'truth_pixels': 3}])
    {}
    """
    if not records or 'presence' not in records[0]:
        return {}
    logits = np.array([record['presence_logit'] for record in records])
    positive = np.array([is_positive(record) for record in records])
    asked = was_asked(logits)
    dice = [
        Overlap(record['truth_pixels'], *(record[f'ungated_{name}'] for name in UNGATED)).dice
        for record in records
        if record['truth_pixels']  # None where nobody outlined the lesion
    ]
    empty = [r['ungated_predicted_pixels'] == 0 for r in records if not is_positive(r)]
    return {
        'presence_auroc': auroc(positive[asked], logits[asked]) if asked.any() else math.nan,
        'ungated_lesion_dice': 100 * float(np.mean(dice)) if dice else math.nan,
        'ungated_specificity': 100 * float(np.mean(empty)) if empty else math.nan,
    }
