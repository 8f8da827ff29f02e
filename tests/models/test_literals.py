"""The text of a config inside a checkpoint is data."""

import pytest
from mmengine.config import Config

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.shipped import find_config, shipped_configs
from mmseg_mammo.models.literals import read_literals


@pytest.mark.parametrize('name', sorted(shipped_configs()))
def test_it_says_what_the_text_says_when_it_is_run(name):
    text = Config.fromfile(find_config(name)).pretty_text
    assert read_literals(text, 'x').to_dict() == Config.fromstring(text, '.py').to_dict()


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        "a = __import__('os').mkdir('made')",
        "a = dict(b=open('made', 'w'))",
        "a = [dict(**{'b': 1})]",
        'a = dict([(1, 2)])',
        'a.b = 1',
        'a = [x for x in (1, 2)]',
        'a = ',
        'custom_imports = dict(imports=[name])',
        'a = {[1]}',
        'a = {[1]: 2}',
        f'a = {"[" * 3000}{"]" * 3000}',
    ],
)
def test_no_line_of_it_is_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r'x: the config inside is not plain data .*Give the'):
        read_literals(text, 'x')
    assert list(tmp_path.iterdir()) == []


def test_plain_values_keep_their_types():
    found = read_literals("a = dict(b=(1, -2.5), c=[None, True], d={'e-f': {1, 2}})\ng = 'h'", 'x')
    assert found.to_dict() == {
        'a': {'b': (1, -2.5), 'c': [None, True], 'd': {'e-f': {1, 2}}},
        'g': 'h',
    }
