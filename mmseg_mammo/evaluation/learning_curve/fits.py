"""Two forms of a learning curve, fitted by least squares. Pure functions.

Both forms are linear in ``a`` and ``b`` once their shape is given: so the shape is looked for on a grid,
and the rest has a closed solution. ``scipy.optimize.curve_fit`` finds the same (the tests compare both),
but has no way to fit all rounds of a bootstrap at once, and ends in the nearest minimum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HIGHEST = 100.0  # percent; no Dice is above
_SHAPES = 300  # values of a shape that are tried


@dataclass(frozen=True)
class Form:
    """A curve a − b · term(n), with b ≥ 0 and a ≤ 100, so that it rises to a limit.

    Attributes:
        name: In tables.
        formula: For readers.
        term: Of counts and a shape: falls towards 0 as the count grows; inputs broadcast.
        shapes: The shapes to try, of the counts.
    """

    name: str
    formula: str
    term: Callable[[np.ndarray, np.ndarray], np.ndarray]
    shapes: Callable[[np.ndarray], np.ndarray]


POWER_LAW = Form(
    'power law',
    'a − b · n^−c',
    lambda n, c: n**-c,
    lambda n: np.geomspace(0.05, 3, _SHAPES),
)
PLATEAU = Form(
    'exponential plateau',
    'a − b · exp(−n / c)',
    lambda n, c: np.exp(-n / c),
    lambda n: np.geomspace(n.min() / 3, 10 * n.max(), _SHAPES),
)
FORMS = (POWER_LAW, PLATEAU)


@dataclass(frozen=True)
class Fit:
    """R fitted curves of one form.

    Attributes:
        form: Of all.
        a: R limits, in percent.
        b: R heights, 0 where a curve is level.
        c: R shapes.
    """

    form: Form
    a: np.ndarray
    b: np.ndarray
    c: np.ndarray

    def at(self, count: float | np.ndarray) -> np.ndarray:
        """Scores in percent at counts of images: R, or R×K for K counts."""
        counts = np.asarray(count, float)
        shape = (..., *(np.newaxis,) * counts.ndim)
        return self.a[shape] - self.b[shape] * self.form.term(counts, self.c[shape])


def fit(form: Form, counts: np.ndarray, scores: np.ndarray) -> Fit:
    """Fit a form to each of R curves by least squares.

    Args:
        form: Of :data:`FORMS`.
        counts: K counts above 0, at least 3 different ones.
        scores: R×K or K, percent.

    Returns:
        Of each curve the best shape of the grid, with the best limits for it.

    >>> n = np.array([5.0, 10, 20, 40])
    >>> float(fit(PLATEAU, n, 50 - 30 * np.exp(-n / 15)).at(80.0)[0].round())
    50.0
    """
    counts, scores = np.asarray(counts, float), np.atleast_2d(scores)
    shapes = form.shapes(counts)
    terms = form.term(counts, shapes[:, None])  # G×K
    centred = terms - terms.mean(axis=1, keepdims=True)
    below = np.square(centred).sum(axis=1)[:, None]
    middle = scores.mean(axis=1)
    b = np.maximum(-(centred @ scores.T) / np.maximum(below, 1e-300), 0)  # G×R
    a = middle + b * terms.mean(axis=1)[:, None]
    capped = (terms @ (HIGHEST - scores).T) / np.square(terms).sum(axis=1)[:, None]
    b = np.where(a > HIGHEST, np.maximum(capped, 0), b)
    a = np.minimum(a, HIGHEST)
    left = scores - a[..., None] + b[..., None] * terms[:, None, :]  # G×R×K
    best = np.square(left).sum(axis=2).argmin(axis=0)
    each = np.arange(len(scores))
    return Fit(form, a[best, each], b[best, each], shapes[best])
