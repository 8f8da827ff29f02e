"""What a model tells of an image: entropy by hand, strata."""

import numpy as np
import pytest

from mmseg_mammo.studies.annotation.seen import Seen, mean_entropy, seen_of


def test_entropy_is_the_mean_over_the_breast_in_bits():
    image = np.zeros((64, 64), np.uint8)
    image[16:48, :32] = 200
    probability = np.zeros((64, 64), np.float32)
    probability[16:48, :32] = 0.25
    by_hand = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    found = mean_entropy(probability, image)
    assert 0.5 * by_hand < found <= by_hand  # the breast has a rim of background
    assert found > 2 * by_hand * (32 * 32) / (64 * 64)  # and air does not count


@pytest.mark.parametrize(('value', 'bits'), [(0.0, 0), (1.0, 0), (0.5, 1)])
def test_what_is_certain_has_none(value, bits):
    found = mean_entropy(np.full((8, 8), value, np.float32), np.zeros((8, 8), np.uint8))
    assert found == pytest.approx(bits, abs=1e-9)


def test_a_line_of_the_journal_is_an_image():
    line = dict(key='a', lesion=1, entropy=0.5, laterality='LEFT', view='', features=None)
    assert seen_of({**line, 'seconds': 3}) == Seen('a', True, 0.5, 'LEFT', '', ())
    assert Seen('a', True, 0.5, 'LEFT').stratum == 'LEFT, view unknown'
