"""What a choice among candidates comes to, on images that have no part in it."""

from collections.abc import Sequence

import numpy as np

from mmseg_mammo.evaluation.out_of_fold.cuts import turns
from mmseg_mammo.evaluation.out_of_fold.held_out import HeldOut, Scores, place_of_logit


def choice_fitted(
    candidates: Sequence[HeldOut], place: int | None = None, default: int | None = None
) -> Scores:
    """Dice and false marks of each image by the candidate, and at the cut, that the other folds choose.

    The best of several has the luck of its images in its score. Here no image has a part in the choice
    that it is scored by.

    Args:
        candidates: Of the same images and folds; of equal ones the first is taken.
        place: See :func:`cross_fitted`.
        default: Likewise.
    """
    first = candidates[0]
    default = place_of_logit(0.0) if default is None else default
    all_of, found = [each.at_cuts for each in candidates], np.empty((2, len(first.folds)))
    for own, others in turns(first.folds):
        means = [each.of(others).crossed(place, default)[0].mean() for each in all_of]
        best = all_of[int(np.argmax(means))]
        found[:, own] = best.of(own).at(best.of(others).place(place, default))
    return Scores(found[0], found[1], first.lesion > 0, first.patients)
