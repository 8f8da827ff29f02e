"""Found: what a SAM predicts of one image, merged from all its objects.

Shape shorthand: O objects, K candidates, S×S pixels of the network's input.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmseg_mammo.models.sam.mask_decoder import (
    NOTHING,
    Round,
    choose_candidate,
    merge_objects,
    to_two_classes,
)
from mmseg_mammo.models.test_output import TestOutput


class Found(NamedTuple):
    """The prediction of one image.

    Attributes:
        kept: 2×S×S logits of the mask.
        offered: M×2×S×S logits of its candidates; see :func:`.merge_objects`.
        facts: Metainfo.
    """

    kept: Tensor
    offered: Tensor
    facts: dict[str, Any]


def merge_round(
    last: Round, objects: Tensor | None, mask_choice: str | int, output: TestOutput | None
) -> Found:
    """The prediction of an image after its last round.

    Args:
        last: Of all its objects.
        objects: O×h×w bool, their own truths; None if nobody knows them.
        mask_choice: See :func:`.choose_candidate`.
        output: By which objects are closed (:func:`close_objects`); None: no object is.

    Returns:
        Its ``facts`` are ``candidate_iou`` and ``chosen``, and with ``output`` those of
        :func:`close_objects`.
    """
    logits, presence = (last.logits, {}) if output is None else close_objects(last, output)
    iou, chosen = last.iou, choose_candidate(last.iou, mask_choice)
    kept, offered = merge_objects(logits, chosen, objects)
    asked = len(last.prompts.labels) > 0
    facts = {
        'candidate_iou': (iou[0] if len(iou) == 1 else iou[0] * torch.nan).tolist(),
        'chosen': int(chosen[0]) if asked and (chosen == chosen[0]).all() else -1,
        **presence,
    }
    return Found(to_two_classes(kept), to_two_classes(offered), facts)


def close_objects(found: Round, output: TestOutput) -> tuple[Tensor, dict[str, Any]]:
    """Candidates without those of closed objects, where another object is open.

    Args:
        found: Of a model with an object score.
        output: What presence is, and up to which an object is closed.

    Returns:
        O×K×S×S logits, :data:`.NOTHING` for an object that is closed beside an open one, and the
        metainfo of the image: ``object_presence``, O floats, and ``presence_logit``, the highest of
        the raw ones, minus infinity where nothing was asked for.
    """
    raw = [] if found.object_logit is None else found.object_logit.tolist()
    presence = [output.presence(value) for value in raw]
    logits = found.logits
    is_open = torch.tensor([not output.closes(value) for value in presence], device=logits.device)
    if is_open.any() and not is_open.all():
        logits = torch.where(is_open[:, None, None, None], logits, NOTHING)
    return logits, {'object_presence': presence, 'presence_logit': max(raw, default=-math.inf)}
