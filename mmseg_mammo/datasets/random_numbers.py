"""Random numbers of one image: the global generators, seeded for it and put back afterwards."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def own_random_numbers(entropy: list[int]) -> Iterator[None]:
    """Seed NumPy's and Python's global generators inside, and put them back as they were."""
    states = np.random.get_state(), random.getstate()
    words = np.random.SeedSequence(entropy).generate_state(2)
    np.random.seed(words[0])
    random.seed(int(words[1]))
    try:
        yield
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
