"""The examples in docstrings are run, so that they stay true."""

import doctest
import importlib
from pathlib import Path

import pytest

import mmseg_mammo

PACKAGE = Path(mmseg_mammo.__file__).parent
# Rooms, or modules, whose examples show what they compute.
WITH_EXAMPLES = ('evaluation', 'io', 'models.prompts.functional')
NAMES = [
    '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)
    for path in sorted(PACKAGE.rglob('*.py'))
    if '>>> ' in path.read_text(encoding='utf-8')
]


@pytest.mark.parametrize('name', NAMES)
def test_examples_give_what_they_say(name):
    result = doctest.testmod(importlib.import_module(f'mmseg_mammo.{name}'))
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize('room', WITH_EXAMPLES)
def test_there_are_examples(room):
    assert any(f'{name}.'.startswith(f'{room}.') for name in NAMES)
