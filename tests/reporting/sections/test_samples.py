from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmseg_mammo.reporting.sections.samples import (
    PREDICTION,
    TRUTH,
    choose_samples,
    marked_picture,
    sample_section,
)


@pytest.fixture(scope='module')
def cases(built):
    return [case for case in built[1] if case.dataset == 'zgt']


def test_the_same_seed_chooses_the_same_samples_and_another_seed_others(cases):
    assert choose_samples(cases, 0) == choose_samples(cases, 0) != choose_samples(cases, 1)


def test_normal_images_are_shown_in_proportion_and_never_left_out(cases):
    chosen = choose_samples(cases, 0)
    assert len(chosen) == 6
    assert sum(case.truth is None for case in chosen) == 3  # 11 of 24
    rare = [case for case in cases if case.truth] + [replace(cases[-1], truth=None)]
    assert sum(case.truth is None for case in choose_samples(rare, 0)) == 1


def test_few_cases_are_all_shown(cases):
    assert len(choose_samples(cases[:2], 0)) == 2
    assert choose_samples([], 0) == []


def test_a_mask_is_tinted_and_outlined_in_its_colour(tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 8:20] = 255
    cv2.imwrite(str(tmp_path / 'm.png'), mask)
    plain = np.full((32, 32, 3), 100, np.uint8)
    picture = marked_picture(plain, tmp_path / 'm.png', TRUTH)
    assert (picture[8, 8] == TRUTH).all()
    assert (picture[14, 14] == (65, 120, 105)).all()  # 0.65 · 100 + 0.35 · colour
    assert (picture[0, 0] == 100).all()
    assert (marked_picture(plain, None, PREDICTION) == plain).all()


def test_red_points_stand_where_the_model_was_prompted(sections):
    shown = sections['samples'].items[1]
    picture = cv2.imdecode(np.frombuffer(shown.png, np.uint8), cv2.IMREAD_COLOR)
    red = (picture == (0, 0, 255)).all(axis=2)
    rows = cv2.connectedComponents(red.astype(np.uint8))[0] - 1
    assert rows == 6  # one for each case, in the column of the promptable model


def test_without_pictures_there_is_no_section(runs):
    assert sample_section(runs, []) is None
