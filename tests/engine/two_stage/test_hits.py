"""Hits: half of a lesion's area decides."""

import numpy as np

from mmseg_mammo.engine.two_stage.hits import crops_with_lesion


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
