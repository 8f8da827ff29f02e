"""The examples in docstrings are run, so that they stay true."""

import doctest
import importlib
import pkgutil

import pytest

import mmseg_mammo.evaluation

ROOMS = {
    'evaluation': [
        f'mmseg_mammo.evaluation.{module.name}'
        for module in pkgutil.iter_modules(mmseg_mammo.evaluation.__path__)
        if module.name not in ('metric', 'grids', 'label_images')
    ],
    'io': ['mmseg_mammo.io.mask', 'mmseg_mammo.io.index'],
    'models': ['mmseg_mammo.models.prompts.functional'],
}


@pytest.mark.parametrize('room', ROOMS)
def test_examples_give_what_they_say_and_each_room_has_some(room):
    found = [doctest.testmod(importlib.import_module(name)) for name in ROOMS[room]]
    assert sum(result.failed for result in found) == 0
    assert sum(result.attempted for result in found) > 2
