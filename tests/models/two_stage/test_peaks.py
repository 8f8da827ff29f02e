import numpy as np
import pytest

from mmseg_mammo.models.two_stage.peaks import find_peaks
from mmseg_mammo.models.two_stage.settings import CandidateRule


def bumps(places, shape=(64, 48)):
    """A map with a Gaussian of 2 pixels at each (x, y, height)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return sum(h * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8) for x, y, h in places)


def places(peaks):
    return [(peak.x, peak.y) for peak in peaks]


def test_peaks_come_by_height_and_only_as_many_as_asked_for():
    grid = bumps([(10, 12, 0.5), (30, 40, 0.9), (40, 8, 0.3)])
    rule = CandidateRule(count=5, min_score=0.01, distance=0.2)
    assert places(find_peaks(grid, rule)) == [(30, 40), (10, 12), (40, 8)]
    assert places(find_peaks(grid, CandidateRule(count=2, min_score=0.01))) == [(30, 40), (10, 12)]
    scores = [peak.score for peak in find_peaks(grid, rule)]
    assert scores == sorted(scores, reverse=True)
    # A Gaussian of 2 pixels smoothed by one of 1.6 keeps 4 / (4 + 2.56) of its height.
    assert scores == pytest.approx([h * 4 / 6.56 for h in (0.9, 0.5, 0.3)], abs=0.003)


def test_what_is_too_low_or_too_near_a_higher_one_is_no_candidate():
    grid = bumps([(10, 12, 0.5), (18, 12, 0.4)])
    near = CandidateRule(min_score=0.01, distance=0.1)  # 6.4 pixels
    assert places(find_peaks(grid, near)) == [(10, 12), (18, 12)]
    far = CandidateRule(min_score=0.01, distance=0.15)  # 9.6 pixels
    assert places(find_peaks(grid, far)) == [(10, 12)]
    high = CandidateRule(min_score=0.4, distance=0.1)  # smoothed they have 0.43 and 0.34
    assert len(find_peaks(grid, high)) == 1
    assert find_peaks(np.zeros((16, 16)), CandidateRule(min_score=0.0)) == []


def test_of_a_plateau_its_middle_counts_and_of_equal_peaks_the_first():
    grid = np.zeros((64, 64))
    grid[20:41, 10:31] = 1  # a saturated lesion
    grid[50:53, 50:53] = 1
    grid[4:7, 50:53] = 1
    found = find_peaks(grid, CandidateRule(distance=0.1, min_score=0.01))
    assert (found[0].x, found[0].y) == (20, 30)
    assert places(found[1:]) == [(51, 5), (51, 51)]


def test_the_extent_is_that_of_the_region_above_half_of_the_peak():
    grid = np.zeros((64, 64))
    grid[20:41, 10:21] = 1
    grid[50, 50] = 0.9
    peak = find_peaks(grid, CandidateRule(distance=0.0, min_score=0.1))[0]
    assert peak.extent == 21


def test_a_faint_peak_beside_a_sure_one_is_found():
    grid = bumps([(10, 12, 1.0), (30, 40, 1e-3)])
    assert places(find_peaks(grid, CandidateRule())) == [(10, 12), (30, 40)]
