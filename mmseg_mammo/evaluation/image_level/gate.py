"""Gate: the calibration of a model's presence, and the threshold up to which images are closed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_level.platt import calibrate, fit_platt
from mmseg_mammo.evaluation.image_level.presence import was_asked
from mmseg_mammo.evaluation.image_level.threshold import Choice, check_enough, choose
from mmseg_mammo.evaluation.operating_point import auroc


@dataclass(frozen=True)
class Gate:
    """What is done to the raw logit of an image, and how it was found.

    Attributes:
        scale: Presence is ``sigmoid(scale · logit + bias)``.
        bias: See ``scale``.
        choice: With the threshold: images whose presence is not above it are closed.
        lesion: Images with a lesion that it was found on.
        normal: Images without.
        auroc: Of their logits, 0 to 1; NaN if one kind is missing.
    """

    scale: float
    bias: float
    choice: Choice
    lesion: int
    normal: int
    auroc: float

    def as_settings(self) -> dict[str, Any]:
        """Of ``test_output``."""
        return {
            'presence_threshold': self.choice.threshold,
            'presence_scale': self.scale,
            'presence_bias': self.bias,
        }

    def as_facts(self) -> dict[str, Any]:
        """As the record of a checkpoint keeps it."""
        return {
            **self.as_settings(),
            'target': f'{self.choice.kind}={self.choice.share:g}',
            'lesion': self.lesion,
            'normal': self.normal,
            'auroc': self.auroc,
            'interval': self.choice.as_facts(),
        }


def find_gate(
    logits: np.ndarray,
    positive: np.ndarray,
    patients: np.ndarray,
    target: tuple[str, float],
    given: tuple[float, float] | None = None,
    about: np.ndarray | None = None,
) -> Gate:
    """Calibrate presence on images, and choose the threshold that a target asks for.

    Images that the model was not asked about (:func:`.was_asked`) are left out.

    Args:
        logits: N raw logits of presence.
        positive: N bool, whether there is a lesion.
        patients: N texts that tell patients apart.
        target: Kind and share; see :func:`.choose`. For a sensitivity, a share of the images with
            a lesion is not closed; for a specificity, a share of the normal ones is.
        about: N bool, the images that the target is about; None: all. Scale and bias come from all.
        given: Scale and bias of images of one kind alone, which tell of none; None refuses these.

    Raises:
        MammoError: There are too few images of the kind that the target is about, none of the
            other, or logits are no higher where there is a lesion.
    """
    asked = was_asked(logits)
    logits, positive, patients = logits[asked], positive[asked], patients[asked]
    wanted = np.ones_like(positive) if about is None else about[asked]
    kind, share = target
    lesion, normal = int(positive.sum()), int((~positive).sum())
    check_enough(int((wanted & (positive == (kind == 'sensitivity'))).sum()), kind, share)
    if lesion and normal:
        scale, bias = fit_platt(logits, positive)
    elif given is not None:
        scale, bias = given
    else:
        raise MammoError(
            f'target {kind}={share:g} with {lesion} images with a lesion and {normal} normal ones',
            'images of both kinds',
            'Add the missing ones; without them, what closing costs or gains is not known',
        )
    if scale <= 0:
        raise MammoError(
            f'the presence of a lesion is no higher where there is one (scale {scale:.3g})',
            remedy='Train the presence head for longer, or with more images of both kinds',
        )
    presence = calibrate(logits, scale, bias)
    choice = choose(presence[wanted], positive[wanted], patients[wanted], kind, share)
    return Gate(scale, bias, choice, lesion, normal, auroc(positive, logits))
