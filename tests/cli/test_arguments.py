"""Arguments that sub-commands share: options as MMEngine reads them, a config that may be left out."""

import argparse

import pytest
from mmengine.config import DictAction

from mmseg_mammo.cli.arguments import (
    add_checkpoint_arguments,
    add_config_arguments,
    add_prompt_arguments,
    read_coordinates,
    read_options,
)
from mmseg_mammo.errors import MammoError


def read(*words):
    """What our parser and :func:`read_options` make of words."""
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    return read_options(parser, parser.parse_args(['c.py', *words]).cfg_options)


def read_by_the_host(*words):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args([*words]).cfg_options


@pytest.mark.parametrize(
    'words',
    [
        ['a=1', 'b=1e-3', 'c=True', 'd=None', 'e=text'],
        ['a=1,2,3', 'b=[1,2]', 'c=(1,2)', 'd=[(1,2),(3,4)]', 'e=[]', 'f=[[1],[a,b]]'],
        ['model.backbone.arch.depth=2', 'param_scheduler.0.begin=3', 'a.b.c=[x,y]'],
        ["a='quoted'", 'b="quoted"', "c=['x','y']", 'd=two words', 'e=a=b'],
        ['a=', 'b=(1,)', 'c=,'],
    ],
)
def test_options_that_stayed_text_are_read_as_by_the_hosts_parser(words):
    theirs = read_by_the_host('--cfg-options', *words)
    assert read('--cfg-options', *words) == theirs
    assert [type(value) for value in theirs.values()] == [
        type(value) for value in read('--cfg-options', *words).values()
    ]


def test_options_that_are_given_twice_add_up_as_in_the_hosts_parser():
    words = ['--cfg-options', 'a=1', 'b=2', '--cfg-options', 'a=3', 'c=[4,5]']
    assert read(*words) == read_by_the_host(*words) == {'a': 3, 'b': 2, 'c': [4, 5]}
    assert read() is None


@pytest.mark.parametrize('word', ['model', 'a=[1,2', 'a=(1,[2)'])
def test_an_option_that_cannot_be_read_ends_with_the_usage(word, capsys):
    with pytest.raises(SystemExit) as stopped:
        read('--cfg-options', word)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith('usage: ')
    assert f'--cfg-options {word}: KEY=VALUE' in said


@pytest.mark.parametrize(
    ('words', 'config'),
    [
        (['a.pth'], None),
        (['c.py', 'a.pth'], 'c.py'),
        (['c.py', '--side', '64', 'a.pth'], 'c.py'),
        (['--side', '64', 'a.pth'], None),
    ],
)
def test_a_config_may_stand_before_a_checkpoint(words, config):
    parser = argparse.ArgumentParser()
    add_checkpoint_arguments(parser)
    found = parser.parse_intermixed_args(words)
    assert (found.config, str(found.checkpoint)) == (config, 'a.pth')


def test_coordinates_are_of_the_original_and_need_prompts():
    parser = argparse.ArgumentParser()
    add_prompt_arguments(parser)
    assert read_coordinates(parser.parse_args(['--prompts', 'a.csv'])) == 'original'
    with pytest.raises(MammoError, match='--coordinates prepared: no effect'):
        read_coordinates(parser.parse_args(['--coordinates', 'prepared']))
