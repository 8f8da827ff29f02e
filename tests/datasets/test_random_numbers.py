import random

import numpy as np

from mmseg_mammo.datasets.random_numbers import own_random_numbers


def test_numbers_depend_on_the_seeds_alone_and_leave_the_others():
    def draw(*entropy):
        with own_random_numbers([*entropy]):
            return np.random.random(), random.random()

    np.random.seed(3)
    random.seed(3)
    outside = np.random.get_state()[1].tolist(), random.getstate()

    assert draw(1, 2) == draw(1, 2) != draw(1, 3)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == outside
