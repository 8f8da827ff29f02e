import numpy as np
import pytest
from scipy.optimize import brentq

from mmseg_mammo.evaluation.learning_curve.forecast import forecast, last_count_errors
from mmseg_mammo.evaluation.learning_curve.points import Scores, point

NAMES = np.array([f'P{n:02d}' for n in range(30)])
SPREAD = np.random.default_rng(0).normal(0, 12, 30)
SPREAD -= SPREAD.mean()


def curve(means, counts=(5, 10, 20, 40, 80), patients=30, noise=0.0):
    """Points of three seeds; the mean of each count is exactly the given one."""
    found = []
    for number, (count, value) in enumerate(zip(counts, means, strict=True)):
        other = np.random.default_rng(number).normal(0, noise, (3, 30))
        dice = value + SPREAD[:patients] + (other - other.mean())[:, :patients]
        dice += value - dice.mean()
        images = np.full(3, float(count))
        names = NAMES[:patients]
        found.append(point(Scores(images, images / 2, names, dice, np.ones(patients))))
    return found


def plateau(n, a=50, b=30, c=30):
    return a - b * np.exp(-np.array(n, float) / c)


def test_a_plateau_is_forecast_by_its_own_form():
    counts = np.array([5.0, 10, 20, 40, 80])
    found = forecast(curve(plateau(counts), noise=1), 20)
    assert found.form.name == 'exponential plateau'
    assert found.reason == ''
    assert found.gain.value == pytest.approx(plateau(100) - plateau(80), abs=0.1)
    assert found.gain.low <= found.gain.value <= found.gain.high
    assert abs(found.errors['exponential plateau']) < 0.05 < abs(found.errors['power law'])
    assert found.sentence().startswith(f'20 more annotated images: +{found.gain.value:.1f} Dice (')
    assert 'the same forecast was off by 0.0 at the last count)' in found.sentence()


def test_a_power_law_is_forecast_by_its_own_form_also_by_patients():
    counts = np.array([5.0, 10, 20, 40, 80])
    found = forecast(curve(60 - 80 * counts**-0.5, noise=1), 20, 'patients')
    assert found.form.name == 'power law'
    assert found.last == 40
    assert found.gain.value == pytest.approx(80 * (80**-0.5 - 120**-0.5), abs=0.1)
    assert '20 more annotated patients: +' in found.sentence()


def test_the_error_at_the_last_count_is_the_one_by_hand():
    """Three counts, 5, 10 and 15, give the plateau in closed form: steps shrink by exp(−5 / c)."""
    counts, means = (5, 10, 15, 30), (20.0, 30.0, 35.0, 41.0)
    ratio = (35 - 30) / (30 - 20)
    limit = 30 + (35 - 30) / (1 - ratio)  # 40
    by_hand = limit - (limit - 35) * ratio ** ((30 - 15) / 5)  # 39.375
    errors = last_count_errors(curve(means, counts))
    assert errors['exponential plateau'] == pytest.approx(by_hand - 41, abs=0.05)

    # Of the power law one number is left to find: (30 − 20) / (35 − 30) of its terms gives c.
    def excess(c):
        n = np.array([5.0, 10, 15]) ** -c
        return (n[0] - n[1]) / (n[1] - n[2]) - 2

    c = brentq(excess, -0.9, 3)
    b = 10 / (5**-c - 10**-c)
    assert errors['power law'] == pytest.approx(20 + b * (5**-c - 30**-c) - 41, abs=0.3)


@pytest.mark.parametrize(
    ('points', 'more', 'said'),
    [
        (curve(plateau((5, 10, 20)), (5, 10, 20)), 20, '3 counts above 0; it takes 4'),
        (curve(plateau((5, 10, 20, 40, 80)), patients=4), 20, 'fewer than 5 test patients'),
        (curve((20, 30, 45, 35, 36)), 20, 'falls from 45.0 at 20 images to 35.0 at 40'),
        (curve((40, 40, 40, 40, 40)), 20, 'does not rise'),
        (curve(plateau((5, 10, 20, 40, 80))), 100, 'beyond twice the 80'),
        (curve((20, 21, 22, 24, 40)), 20, 'more than the gain'),
        (curve((20, 45, 50, 50, 50)), 20, 'is level from the last count on'),
    ],
)
def test_a_forecast_that_does_not_hold_gives_its_reason(points, more, said):
    found = forecast(points, more)
    assert said in found.reason
    assert found.sentence() == f'No forecast: {found.reason}.'


def test_the_start_at_no_image_does_not_move_the_fit():
    counts = (5, 10, 20, 40, 80)
    means = plateau(counts)
    alone = forecast(curve(means), 20)
    beside = forecast(curve((2.0, *means), (0, *counts)), 20)
    assert beside.gain.value == alone.gain.value
    assert beside.errors == alone.errors


def test_a_count_beside_the_last_one_does_not_pass_for_a_forecast_of_it():
    """40 and all 41 images: what was known of 41 is what 20 images told."""
    counts = (5, 10, 20, 40, 41)
    without = forecast(curve((30, 36, 40, 43, 43.1), (5, 10, 20, 40, 41), noise=1), 20)
    assert without.errors == last_count_errors(curve((30, 36, 40, 43.1), (5, 10, 20, 41)))
    found = forecast(curve((30, 40, 43, 43.1), counts[1:], noise=1), 20)
    assert found.sentence() == (
        'No forecast: 2 counts of up to 80% of the last one, 41; it takes 3 to check whether they '
        'forecast it.'
    )
