"""docs/design.md names files, rooms and functions that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / 'docs' / 'design.md').read_text(encoding='utf-8')
SPANS = re.findall(r'`([^`\n]+)`', TEXT.split('## Rooms', 1)[1])
PATHS = sorted({span for span in SPANS if re.fullmatch(r'[\w./-]+(\.(py|md|txt)|/)', span)})
ROOMS = ('evaluation', 'engine', 'models', 'preparation', 'reporting')
ANYWHERE = ('', 'mmseg_mammo', *(f'mmseg_mammo/{room}' for room in ROOMS))
TASKS = TEXT.split('## Five worked tasks', 1)[1]


def existing(name: str) -> bool:
    """A file or folder, from the repository, the package or one of its rooms."""
    # What somebody is going to write has a folder to lie in.
    name = re.sub(r'[^/]*NAME[^/]*$', '', name)
    return any((ROOT / start / name).exists() for start in ANYWHERE)


@pytest.mark.parametrize('name', PATHS)
def test_every_file_and_folder_exists(name):
    assert existing(name)


def test_the_table_has_every_room():
    rooms = re.findall(r'^\| `(\w+)/` \|', TEXT, re.MULTILINE)
    package = ROOT / 'mmseg_mammo'
    assert set(rooms) == {path.parent.name for path in package.glob('*/__init__.py')}


@pytest.mark.parametrize('call', sorted(set(re.findall(r'`(\w+)\(', TASKS))))
def test_every_function_of_the_tasks_exists(call):
    pattern = re.compile(rf'^def {call}\(', re.MULTILINE)
    files = (ROOT / 'mmseg_mammo').rglob('*.py')
    assert any(pattern.search(path.read_text(encoding='utf-8')) for path in files)


def test_there_are_five_tasks_and_each_names_its_files():
    rows = [line for line in TASKS.splitlines() if line.startswith('|')][2:]
    assert len(rows) == 5
    assert all(len(re.findall(r'`mmseg_mammo/[\w/]+\.py`', row)) >= 2 for row in rows)


def test_it_is_one_screen():
    assert len(TEXT.splitlines()) <= 100
