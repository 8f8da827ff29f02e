"""What a choice among candidates comes to, on images that have no part in it."""

from collections.abc import Sequence

import numpy as np

from mmseg_mammo.evaluation.out_of_fold.held_out import HeldOut, Scores, crossed, cut_of, turns


def choice_fitted(
    candidates: Sequence[HeldOut], place: int | None = None, default: int | None = None
) -> Scores:
    """Dice of each image by the candidate, and at the cut, that the images of the other folds choose.

    The best of several has the luck of its images in its score. Here no image has a part in the choice
    that it is scored by.

    Args:
        candidates: Of the same images and folds; of equal ones the first is taken.
        place: See :func:`cross_fitted`.
        default: Likewise.
    """
    held = candidates[0]
    lesion, dice = held.lesion > 0, np.empty(len(held.folds))
    for own, others in turns(held.folds):
        part = lesion[others], held.folds[others], place, default
        means = [crossed(each.dice[others], *part).mean() for each in candidates]
        best = candidates[int(np.argmax(means))].dice
        dice[own] = best[own, cut_of(best[others], lesion[others], place, default)]
    return Scores(dice, lesion, held.patients)
