"""AGENTS.md is short, and names files and commands that exist."""

import re
from pathlib import Path

from mmseg_mammo.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / 'AGENTS.md').read_text(encoding='utf-8')


def test_it_is_short():
    assert len(TEXT.splitlines()) < 80


def test_files_that_it_names_exist():
    named = re.findall(r'`((?:mmseg_mammo|tests|configs)/[\w/.]*)`', TEXT)
    linked = re.findall(r'\]\(([^)#]+)', TEXT)
    known = [name for name in (*named, *linked) if '/a/' not in name]
    assert len(known) > 10
    assert [name for name in known if not (ROOT / name).exists()] == []


def test_commands_that_it_names_exist():
    named = re.findall(r'mammoseg (\w+)', TEXT)
    assert named
    assert set(named) <= set(COMMANDS)
