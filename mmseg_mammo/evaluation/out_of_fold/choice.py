"""What a choice among candidates comes to, on images that have no part in it."""

from collections.abc import Sequence

import numpy as np

from mmseg_mammo.evaluation.out_of_fold.cuts import standard_error, turns
from mmseg_mammo.evaluation.out_of_fold.held_out import HeldOut, Scores, place_of_logit

_ROUNDING = 1e-9


def latest_as_good(dice: np.ndarray, patients: np.ndarray) -> int:
    """The last of rising numbers of steps that is as good as the best one.

    As good is a mean that is lower by one standard error of the paired difference over patients, or less. A
    schedule that ends at a low rate, with averaged weights, is best at its end, unless images say
    otherwise; of few images the best of several steps says little.

    Args:
        dice: S×N, of S numbers of steps and N images.
        patients: N texts.

    Returns:
        The place of the number of steps.

    >>> latest_as_good(np.array([[0.4, 0.6], [0.5, 0.4], [0.1, 0.2]]), np.array(['a', 'b']))
    1
    """
    best = int(dice.mean(axis=1).argmax())
    lost = dice[best] - dice
    good = [place for place in range(best, len(dice)) if _no_worse(lost[place], patients)]
    return good[-1]


def first_as_good(
    dice: Sequence[np.ndarray], patients: np.ndarray, start: float = 0.0
) -> tuple[int, int]:
    """The first of several tunings that is as good as the best one, and its number of steps.

    Each has the steps of :func:`latest_as_good`, and is as good in the sense of that. Few images do not tell
    which tuning is best; what was best elsewhere, and comes first, is the better guess. Tunings that gain nothing
    count only if none gains.

    Args:
        dice: Of each tuning S×N, of its numbers of steps, which rise, and N images; the likeliest first.
        patients: N texts.
        start: Mean of the start, which has to be beaten.

    Returns:
        The places of the tuning and of its number of steps.

    >>> first_as_good([np.array([[0.4, 0.6]]), np.array([[0.5, 0.6]])], np.array(['a', 'b']))
    (0, 0)
    """
    steps = [latest_as_good(each, patients) for each in dice]
    own = np.stack([each[step] for each, step in zip(dice, steps, strict=True)])
    means = own.mean(axis=1)
    lost = own[means.argmax()] - own
    gains = means > min(start, means.max() - _ROUNDING)
    first = next(n for n, each in enumerate(lost) if gains[n] and _no_worse(each, patients))
    return first, steps[first]


def choice_fitted(
    candidates: Sequence[Sequence[HeldOut]],
    place: int | None = None,
    default: int | None = None,
    start: HeldOut | None = None,
) -> Scores:
    """Dice and false marks of each image by the candidate, and at the cut, that the other folds choose.

    The best of several has the luck of its images in its score. Here no image has a part in the choice
    that it is scored by; the choice is :func:`first_as_good`.

    Args:
        candidates: Of each tuning, its steps, which rise; of the same images and folds.
        place: See :func:`cross_fitted`.
        default: Likewise.
        start: Of the same images: what a tuning has to beat, at its own threshold and at the folds'.
    """
    first = candidates[0][0]
    default = place_of_logit(0.0) if default is None else default
    found = np.empty((2, len(first.folds)))
    for own, others in turns(first.folds):
        dice = [
            np.stack([each.at_cuts.of(others).crossed(place, default)[0] for each in steps])
            for steps in candidates
        ]
        floor = 0.0
        if start is not None:
            cuts = start.at_cuts.of(others)
            floor = max(cuts.at(default)[0].mean(), cuts.crossed(place, default)[0].mean())
        tuning, step = first_as_good(dice, first.patients[others], floor)
        best = candidates[tuning][step].at_cuts
        found[:, own] = best.of(own).at(best.of(others).place(place, default))
    return Scores(found[0], found[1], first.lesion > 0, first.patients)


def _no_worse(lost: np.ndarray, patients: np.ndarray) -> bool:
    # Of one patient who differs both are equal.
    return bool(lost.mean() <= standard_error(lost, patients) + _ROUNDING)
