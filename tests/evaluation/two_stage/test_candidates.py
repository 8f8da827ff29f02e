"""Which lesion a candidate finds, and whose a region is, by hand."""

import numpy as np
import pytest
import torch
from stage_samples import boxes, candidate, stage_sample

from mmseg_mammo.evaluation.regions import find_lesions
from mmseg_mammo.evaluation.two_stage.candidates import (
    candidate_rows,
    crops_with_lesion,
    read_candidates,
)
from mmseg_mammo.io.run_folder import CANDIDATE_COLUMNS, IMAGE_COLUMNS

SHAPE = (64, 48)


def read(*candidates, shape=SHAPE):
    return read_candidates(stage_sample(boxes(), boxes(), list(candidates)), shape)


def regions(*each, shape=SHAPE):
    return find_lesions(boxes(*each, shape=shape).numpy() > 0)


def test_the_share_of_a_lesion_in_a_crop_is_counted_in_pixels():
    lesion = regions((10, 10, 14, 20, 1))  # 4 rows of 10 pixels
    found = read(
        candidate(0, 0, (0, 0, 48, 64)),
        candidate(0, 0, (10, 10, 15, 64)),
        candidate(0, 0, (-9, -9, 11, 12)),
        candidate(0, 0, (20, 14, 48, 64)),
    )
    assert found.held(lesion).tolist() == [[1.0, 0.5, 0.05, 0.0]]


def test_crops_and_peaks_follow_the_grid_of_the_comparison():
    """A lesion of 8×8 of 64×48 is 4×4 of 32×24; a peak in it stays in it."""
    found = read(candidate(23, 15, (16, 8, 24, 16)), shape=(32, 24))
    assert found.crops.tolist() == [[8, 4, 12, 8]]
    assert found.peaks.tolist() == [[11.25, 7.25]]
    coarse = regions((4, 8, 8, 12, 1), shape=(32, 24))
    assert found.held(coarse).tolist() == [[1.0]]
    assert found.lesions_at_peaks(coarse).tolist() == [1]


def test_the_lesion_at_a_peak_is_that_of_its_pixel_also_at_the_edge():
    lesions = regions((0, 0, 3, 3, 1), (60, 40, 64, 48, 1))
    places = [(0, 0), (2.4, 2.4), (2.5, 2), (47.5, 63.5), (20, 20)]
    found = read(*(candidate(x, y, (0, 0, 9, 9)) for x, y in places))
    assert found.lesions_at_peaks(lesions).tolist() == [1, 1, 0, 2, 0]


def test_a_region_has_the_best_score_of_the_kept_candidates_that_hold_half_of_it():
    found = read(
        candidate(0, 0, (0, 0, 20, 20), 0.3),
        candidate(0, 0, (0, 0, 12, 20), 0.7),
        candidate(0, 0, (0, 0, 48, 64), 0.99, kept=False),
    )
    both, first, torn = (0, 0, 4, 4, 1), (6, 10, 9, 18, 1), (40, 4, 44, 8, 1)
    assert found.rank(regions(both, first, torn)).tolist() == [0.7, 0.3, 0.0]


def test_a_region_of_which_nobody_holds_half_is_of_whom_holds_most():
    found = read(candidate(0, 0, (0, 0, 4, 64), 0.9), candidate(0, 0, (4, 0, 9, 64), 0.4))
    assert found.rank(regions((10, 0, 12, 20, 1))).tolist() == [0.4]


def test_an_image_without_candidates_has_none_but_is_of_two_stages():
    found = read()
    assert len(found) == 0
    assert found.held(regions((0, 0, 3, 3, 1))).shape == (1, 0)
    assert found.rank(regions((0, 0, 3, 3, 1))).tolist() == [0.0]
    assert candidate_rows(found, regions(), np.zeros((0, 0))) == []


@pytest.mark.parametrize('masks', [{}, {'candidates': {'data': torch.zeros(3, 4, 4)}}])
def test_candidate_masks_of_a_promptable_model_are_none_of_these(masks):
    assert read_candidates(masks, SHAPE) is None


def test_a_row_says_what_the_model_said_and_what_was_found():
    lesions = regions((0, 0, 8, 8, 1), (20, 20, 30, 30, 1))
    found = read(
        candidate(3, 2, (0, 0, 26, 64), finder=0.25, kept=False),
        candidate(40, 60, (36, 50, 48, 64)),
    )
    first, second = candidate_rows(found, lesions, found.held(lesions))
    assert {*first} == {*CANDIDATE_COLUMNS} - {*IMAGE_COLUMNS}
    assert (first['number'], first['x'], first['y']) == (1, 3, 2)
    assert [first[name] for name in ('left', 'top', 'right', 'bottom')] == [0, 0, 26, 64]
    assert (first['finder_score'], first['refiner_presence'], first['score']) == (0.25, 0.8, 0.9)
    assert (first['kept'], first['centre_match'], first['holds']) == (0, 1, '1 2')
    assert (second['kept'], second['centre_match'], second['holds']) == (1, '', '')


def test_half_of_one_lesion_is_enough_and_less_is_not():
    truth = np.zeros((40, 40), bool)
    truth[4:8, 4:14] = True  # 40 pixels
    truth[30:34, 30:34] = True
    crops = [
        (9, 0, 40, 20),
        (10, 0, 40, 20),
        (28, 28, 60, 60),
        (14, 14, 28, 28),
        (-30, -30, -2, -2),
    ]
    assert crops_with_lesion(truth, crops).tolist() == [True, False, True, False, False]


def test_two_quarters_of_different_lesions_are_no_hit():
    truth = np.zeros((20, 40), bool)
    truth[5:9, 2:10] = truth[5:9, 14:22] = True
    assert crops_with_lesion(truth, [(8, 0, 16, 20)]).tolist() == [False]


def test_without_a_lesion_there_is_no_hit():
    assert crops_with_lesion(np.zeros((9, 9), bool), [(0, 0, 9, 9)]).tolist() == [False]
    assert crops_with_lesion(np.ones((9, 9), bool), []).shape == (0,)
