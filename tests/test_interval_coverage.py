"""Intervals hold the truth about as often as docs/report.md says, and oftener than percentiles do."""

import pytest
from interval_coverage import coverage

# Patients, and the least coverage in per cent; plain percentiles have less in each.
LEAST = {
    'mean Dice': {5: 82, 8: 86, 10: 87, 20: 91},
    'lesions found': {5: 88, 8: 90, 10: 92, 20: 93.5},
}


@pytest.mark.slow
@pytest.mark.parametrize('name', LEAST)
def test_intervals_of_few_patients_are_wide_enough(name):
    for patients, least in LEAST[name].items():
        ours, plain = coverage(name, patients, trials=1500)
        assert plain < least < ours


def test_the_simulation_finds_percentiles_of_five_patients_too_narrow():
    ours, plain = coverage('mean Dice', 5, trials=300)
    assert plain < 82 < ours
