"""``mammoseg``: its table, and the help of every sub-command at once and without torch."""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mmseg_mammo.cli.main import COMMANDS, main, parser_of
from mmseg_mammo.version import __version__

SCRIPT = Path(__file__).parents[2] / 'tools' / 'mammoseg'
NAMES = [name for name, each in COMMANDS.items() if find_spec(f'mmseg_mammo.cli.{each.module}')]
FIRST_TEN = {
    *('prepare-cbis', 'prepare', 'phantom', 'train', 'test', 'report', 'search', 'benchmark'),
    *('export', 'demo'),
}


def parsers(parser):
    """A parser and those below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def test_the_table_holds_the_commands_and_one_line_of_each(capsys):
    assert set(NAMES) >= FIRST_TEN
    with pytest.raises(SystemExit) as ended:
        main(['--help'])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert re.search(rf'^  {name} +{re.escape(command.help)}$', said, re.MULTILINE)
        assert len(command.help) < 60


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit):
        main(['--version'])
    assert capsys.readouterr().out.split() == ['mmseg_mammo', __version__]


@pytest.mark.parametrize('words', [['trian'], [], ['--side', '3']])
def test_what_is_no_command_is_refused_with_those_there_are(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert 'COMMAND' in said
    assert words != ['trian'] or "'train'" in said


@pytest.mark.parametrize('name', NAMES)
def test_help_shows_an_example_and_every_default(name):
    for parser in parsers(parser_of(name, f'mammoseg {name}')):
        said = ' '.join(parser.format_help().split())
        assert re.search(rf'Example: mammoseg {name} \S', said)
        for action in parser._actions:
            shown = action.help != argparse.SUPPRESS and action.option_strings
            if shown and action.default not in (None, False, '', (), [], argparse.SUPPRESS):
                assert 'default' in action.help, action.option_strings
            assert action.help or action.metavar, action


@pytest.mark.parametrize('name', NAMES)
def test_the_example_is_a_command_line_that_can_be_parsed(name):
    """Also as the tools show it."""
    text = parser_of(name, f'mammoseg {name}').description.replace('\\\n', ' ')
    lines = re.findall(rf'^ +mammoseg {name} (.*)', text, re.MULTILINE)
    assert lines
    for line in lines:
        assert 'configs/' not in line  # an installed package has no such folder
        parser_of(name, 'x').parse_args(shlex.split(line, comments=True))
    assert 'mammoseg' not in parser_of(name, 'x.py', 'python tools/x.py').format_help()


def test_every_help_comes_within_a_second_and_without_torch():
    """The script itself, as pip installs it; imports of earlier commands are not forgotten."""
    code = (
        'import json, runpy, sys, time\n'
        'times = {}\n'
        f'for name in {["", *NAMES]}:\n'
        "    sys.argv = ['mammoseg', *name.split(), '--help']\n"
        '    start = time.process_time()\n'
        '    try:\n'
        f"        runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
        '    except SystemExit as end:\n'
        '        assert end.code == 0\n'
        '    times[name] = time.process_time() - start\n'
        "print(json.dumps([times, 'torch' in sys.modules, 'mmengine' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    times, torch, mmengine = json.loads(done.stdout.splitlines()[-1])
    assert not torch
    assert not mmengine
    assert max(times.values()) < 1, times
    assert set(times) == {'', *NAMES}


def test_the_package_can_be_run_as_a_module():
    done = subprocess.run(
        [sys.executable, '-m', 'mmseg_mammo', '--version'],
        env={**os.environ, 'MMSEG_MAMMO_REGISTER': '0'},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ['mmseg_mammo', __version__]


@pytest.mark.slow
def test_a_command_of_a_hospital_runs_without_torch(tmp_path):
    """As the script runs it: phantoms, prepared by workers."""
    code = (
        'import sys\n'
        'from mmseg_mammo.cli.main import main\n'
        "main(['phantom', 'raw', '--hospital', 'zgt', '--patients', '1', '--height', '64'])\n"
        "main(['prepare', 'out', '--table', 'raw/annotations.csv', '--jobs', '1'])\n"
        "assert 'torch' not in sys.modules"
    )
    environment = {**os.environ, 'MMSEG_MAMMO_REGISTER': '0'}
    subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / 'out' / 'index.csv').read_text().count('phantom-out') == 4
