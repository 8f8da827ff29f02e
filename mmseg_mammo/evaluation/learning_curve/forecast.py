"""Forecast of a learning curve: what more annotated images would bring, and how far to trust that.

Each form forecasts the last count from those before it. The one that was less wrong is used, and its
error stands beside what it says. Where a forecast does not hold there is a reason in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mmseg_mammo.evaluation.bootstrap import FEWEST, Estimate, difference, estimate
from mmseg_mammo.evaluation.learning_curve.fits import FORMS, Fit, Form, fit
from mmseg_mammo.evaluation.learning_curve.points import Point, rising

FEWEST_COUNTS = 4  # above 0: three that a form of three numbers is fitted to, and one to check it
FARTHEST = 2.0  # times the last count
_CHECKED = 0.8  # of the last count: what is nearer to it would give its forecast away
_LEVEL = 0.005  # a gain in percentage points that is shown as 0.0


@dataclass(frozen=True)
class Forecast:
    """What ``more`` annotated images, or patients, would bring.

    Attributes:
        more: Beyond the last count.
        unit: ``images`` or ``patients``.
        reason: Why there is no forecast; empty where there is one.
        errors: By form, how far its forecast of the last count was off, in percentage points:
            forecast − truth. Empty with too few counts.
        form: The form that was used.
        curve: It, fitted to the means of all counts.
        last: The last count.
        gain: In percentage points of lesion Dice.
    """

    more: int
    unit: str
    reason: str = ''
    errors: Mapping[str, float] = field(default_factory=dict)
    form: Form | None = None
    curve: Fit | None = None
    last: float = np.nan
    gain: Estimate | None = None

    @property
    def error(self) -> float:
        """How far the used form was off at the last count, in percentage points."""
        return abs(self.errors[self.form.name]) if self.form else np.nan

    def sentence(self) -> str:
        """The forecast for a reader, with its interval and its error; or why there is none.

        >>> Forecast(20, 'images', 'too few counts').sentence()
        'No forecast: too few counts.'
        """
        if self.reason or self.gain is None:
            return f'No forecast: {self.reason}.'
        gain = self.gain
        return (
            f'{self.more} more annotated {self.unit}: +{gain.value:.1f} Dice '
            f'({gain.low:.1f} to {gain.high:.1f}; the same forecast was off by {self.error:.1f} '
            'at the last count)'
        )


def last_count_errors(points: Sequence[Point], unit: str = 'images') -> dict[str, float]:
    """How far each form's forecast of the last count, from those of up to 80 % of it, is off.

    Args:
        points: At least four above 0, three of them of up to 80 % of the last.
        unit: Of their counts.

    Returns:
        By form, forecast − truth in percentage points.
    """
    counts, scores = _means(points, unit)
    known = _before(counts)
    return {
        form.name: float(fit(form, counts[known], scores[known]).at(counts[-1])[0] - scores[-1])
        for form in FORMS
    }


def forecast(points: Sequence[Point], more: int, unit: str = 'images') -> Forecast:
    """Forecast the gain of ``more`` annotated images beyond the last count.

    Args:
        points: Of one curve, in any order; those at 0 do not count, where a power law has no value.
        more: Images or patients.
        unit: ``images`` or ``patients``.
    """
    known = rising(points)
    reason = _too_few(known, unit)
    if reason:
        return Forecast(more, unit, reason)
    counts, scores = _means(known, unit)
    errors = last_count_errors(known, unit)
    form = min(FORMS, key=lambda each: abs(errors[each.name]))
    curve, last = fit(form, counts, scores), float(counts[-1])
    gain = estimate(
        float(_gains(curve, last, more)[0]),
        _gains_of_rounds(counts, np.stack([p.score.rounds for p in known], axis=1), more),
        min(each.score.patients for each in known),
    )
    found = Forecast(more, unit, '', errors, form, curve, last, gain)
    reason = _falls(known, unit) or _does_not_hold(found)
    return Forecast(more, unit, reason, errors, form, curve, last, gain) if reason else found


def _gains(curve: Fit, last: float, more: int) -> np.ndarray:
    return curve.at(last + more) - curve.at(last)


def _gains_of_rounds(counts: np.ndarray, scores: np.ndarray, more: int) -> np.ndarray:
    """The gain in each of R rounds, each of which chooses its form anew: that is in doubt, too.

    Args:
        counts: K counts.
        scores: R×K means.
        more: Images or patients.
    """
    wrong, gains = [], []
    known = _before(counts)
    for form in FORMS:
        told = fit(form, counts[known], scores[:, known]).at(counts[-1])
        wrong.append(np.abs(told - scores[:, -1]))
        gains.append(_gains(fit(form, counts, scores), counts[-1], more))
    return np.choose(np.argmin(wrong, axis=0), gains)


def _before(counts: np.ndarray) -> np.ndarray:
    """K bool: the counts that the last one is forecast from."""
    return counts <= _CHECKED * counts[-1]


def _means(points: Sequence[Point], unit: str) -> tuple[np.ndarray, np.ndarray]:
    known = rising(points)
    return (
        np.array([each.count(unit) for each in known]),
        np.array([each.score.value for each in known]),
    )


def _too_few(known: Sequence[Point], unit: str) -> str:
    counts = np.array([each.count(unit) for each in known])
    different = len(set(counts.tolist()))
    if different < FEWEST_COUNTS:
        return f'{different} counts above 0; it takes {FEWEST_COUNTS}, the last one as a check'
    before = len(set(counts[_before(counts)].tolist()))
    if before < FEWEST_COUNTS - 1:
        return (
            f'{before} counts of up to {_CHECKED:.0%} of the last one, {counts[-1]:.0f}; it takes '
            f'{FEWEST_COUNTS - 1} to check whether they forecast it'
        )
    if any(not len(each.score.rounds) for each in known):
        return f'fewer than {FEWEST} test patients with a lesion'
    return ''


def _falls(known: Sequence[Point], unit: str) -> str:
    """Why the curve is none that a rising form describes: a fall beyond chance, or no rise at all."""
    for one, other in pairwise(known):
        step = difference(other.score, one.score)
        if step.value < 0 and not step.high >= 0:  # NaN where all draws agree
            return (
                f'the score falls from {one.score.value:.1f} at {one.count(unit):.0f} {unit} to '
                f'{other.score.value:.1f} at {other.count(unit):.0f}'
            )
    if known[-1].score.value <= known[0].score.value:
        return f'the score does not rise from {known[0].count(unit):.0f} {unit} on'
    return ''


def _does_not_hold(found: Forecast) -> str:
    gain = found.gain.value if found.gain else np.nan
    if found.more > (FARTHEST - 1) * found.last:
        return (
            f'{found.more} more {found.unit} are beyond twice the {found.last:.0f} that were tried'
        )
    if gain < _LEVEL:
        return f'the {found.form.name if found.form else "form"} is level from the last count on'
    if found.error > gain:
        return (
            f'it was off by {found.error:.1f} at the last count, more than the gain of {gain:.1f} '
            'that it would promise'
        )
    return ''
