import numpy as np
import pytest
from scipy.optimize import curve_fit

from mmseg_mammo.evaluation.learning_curve.fits import FORMS, PLATEAU, POWER_LAW, fit

COUNTS = np.array([5.0, 10, 20, 40, 80, 160])


@pytest.mark.parametrize(
    ('form', 'a', 'b', 'c'),
    [
        (POWER_LAW, 60, 80, 0.5),
        (POWER_LAW, 55, 40, 1.2),
        (PLATEAU, 48, 30, 25),
        (PLATEAU, 70, 9, 9),
    ],
)
def test_the_numbers_of_a_known_curve_are_found(form, a, b, c):
    found = fit(form, COUNTS, a - b * form.term(COUNTS, np.array(c)))
    assert found.a[0] == pytest.approx(a, abs=0.3)
    assert found.b[0] == pytest.approx(b, rel=0.02)
    assert found.c[0] == pytest.approx(c, rel=0.02)
    assert found.at(320.0)[0] == pytest.approx(a - b * form.term(320.0, c), abs=0.1)


@pytest.mark.parametrize('form', FORMS)
def test_noisy_curves_are_fitted_as_scipy_does_each_by_itself(form):
    scores = 50 - 60 * COUNTS**-0.6 + np.random.default_rng(0).normal(0, 0.7, (4, 6))
    found = fit(form, COUNTS, scores)
    ends = ([0, 0, 0.05], [100, 500, 3 if form is POWER_LAW else 1600])
    for row, each in enumerate(scores):
        start = (50, 30, 1 if form is POWER_LAW else 20)
        (a, b, c), _ = curve_fit(
            lambda n, a, b, c: a - b * form.term(n, c), COUNTS, each, start, bounds=ends
        )
        ours = found.at(COUNTS)[row]
        theirs = a - b * form.term(COUNTS, c)
        assert np.square(ours - each).sum() <= np.square(theirs - each).sum() * 1.005
        assert ours == pytest.approx(theirs, abs=0.1)


@pytest.mark.parametrize('form', FORMS)
def test_no_curve_falls_or_rises_beyond_all_that_there_is(form):
    falling = fit(form, COUNTS, np.array([50.0, 45, 40, 35, 30, 25]))
    assert falling.b[0] == 0
    assert falling.a[0] == pytest.approx(37.5)
    steep = fit(form, COUNTS, np.array([10.0, 30, 50, 70, 90, 99]))
    assert steep.a[0] <= 100
    assert steep.at(1e9)[0] <= 100
    assert np.all(np.diff(steep.at(COUNTS)[0]) > 0)


def test_several_counts_and_curves_give_a_table():
    found = fit(PLATEAU, COUNTS, np.stack([COUNTS, COUNTS / 2]) / 4)
    assert found.at(np.array([1.0, 2, 3])).shape == (2, 3)
    assert found.at(1.0).shape == (2,)
