"""The architecture as tests: rooms look to the left only; folders, files and functions stay small."""

import ast
import importlib.util
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import networkx
import pytest

import mmseg_mammo

PACKAGE = Path(mmseg_mammo.__file__).parent
TESTS = Path(__file__).parent
ROOMS = (
    *('version', 'errors', 'host', 'io', 'evaluation', 'visualization', 'preparation'),
    *('phantoms', 'datasets', 'transforms', 'models', 'engine', 'inference', 'studies'),
    *('benchmark', 'reporting', 'cli'),
)
# Rooms that see less than all that lies to their left.
NARROW = {
    'host': {'errors'},
    'io': {'version', 'errors', 'io'},
    'evaluation': {'errors', 'io', 'evaluation'},
    'visualization': {'errors', 'io', 'evaluation', 'visualization'},
    'reporting': {'version', 'errors', 'io', 'evaluation', 'visualization', 'reporting'},
}
# Inside a room: folders and modules that look to the left only. Others of the room come first.
INSIDE = {
    'models': (
        'input_grid',
        'encoder_decoder',
        'peft',
        'prompts',
        'losses',
        'backbones',
        'sam',
        'two_stage',
        'folds',
    ),
    'reporting': ('sections', 'page', 'cards', 'report', 'predictions'),
}
HEAVY = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmseg', 'mmpretrain')
LIGHT = ('io', 'evaluation', 'visualization', 'preparation', 'phantoms', 'reporting')
WITH_TORCH = {'evaluation/metric.py', 'evaluation/grids.py', 'evaluation/label_images.py'}
REGISTERING = ('datasets', 'transforms', 'models', 'engine', 'evaluation/metric.py', 'studies')
PEER = 'benchmark/plain_preparation.py'  # it does without our room on purpose
MOST_MODULES, MOST_LINES, MOST_CODE = 15, 250, 40
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FACES = {PACKAGE / '__init__.py', PACKAGE / '__main__.py'}  # they see all
MODULES = sorted(path for path in PACKAGE.rglob('*.py') if path not in FACES)
TREES = {path: ast.parse(path.read_text(encoding='utf-8')) for path in MODULES}


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def each(chosen=MODULES):
    """One test that looks at many modules, and names those that fail."""

    def decorate(check):
        def test():
            faults = []
            for path in chosen:
                try:
                    check(path)
                except AssertionError as fault:
                    faults.append(f'{place(path)}: {fault}')
            assert chosen
            assert faults == []

        test.__doc__ = check.__doc__
        return test

    return decorate


def imported(tree: ast.AST) -> set[str]:
    """Dotted names of everything that is imported, wherever in a module."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'line {node.lineno}: relative import'
            names |= {f'{node.module}.{alias.name}' for alias in node.names}
    return names


def own_modules(tree: ast.AST) -> set[str]:
    """The modules of this package among what is imported, such as ``io.table``."""
    found = set()
    for name in imported(tree):
        parts = name.split('.')
        if parts[0] != 'mmseg_mammo':
            continue
        while not is_module(parts):
            parts.pop()
        found.add('.'.join(parts[1:]))
    return found


def is_module(parts: list[str]) -> bool:
    target = PACKAGE.joinpath(*parts[1:])
    return target.with_suffix('.py').is_file() or (target / '__init__.py').is_file()


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(part for part in parts if part != '__init__')


def attributes(tree: ast.AST) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of signature and body, without decorators and docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@each()
def test_a_module_imports_from_its_own_room_and_rooms_to_its_left(path):
    room = room_of(path)
    seen = {name.split('.')[0] for name in own_modules(TREES[path])} - {''}
    left = set(ROOMS[: ROOMS.index(room) + 1]) - {'host'}
    allowed = NARROW.get(room, ROOMS if room == 'cli' else left)
    assert not seen - set(allowed), f'{place(path)} looks to its right'


@each([path for path in MODULES if room_of(path) in INSIDE])
def test_inside_a_room_folders_look_to_the_left_too(path):
    room = room_of(path)
    order = INSIDE[room]
    if path.name == '__init__.py' and path.parent.name == room:
        return  # it gathers the room
    mine = place_inside(name_of(path), order)
    for name in own_modules(TREES[path]):
        if name.split('.')[0] == room:
            assert place_inside(name, order) <= mine, f'{place(path)} looks to {name}'


def place_inside(name: str, order: tuple[str, ...]) -> int:
    part = [*name.split('.'), ''][1]
    return order.index(part) if part in order else -1


def test_no_module_imports_itself_round_a_corner():
    graph = networkx.DiGraph()
    for path, tree in TREES.items():
        graph.add_edges_from((name_of(path), name) for name in own_modules(tree) if name)
    assert list(networkx.simple_cycles(graph)) == []


@each(
    [
        path
        for path in MODULES
        if room_of(path) in (*LIGHT, 'version', 'errors') and place(path) not in WITH_TORCH
    ]
)
def test_files_numbers_and_reports_need_neither_torch_nor_the_host(path):
    assert not {name.split('.')[0] for name in imported(TREES[path])} & set(HEAVY)


@each([path for path in MODULES if room_of(path) == 'cli'])
def test_a_command_imports_torch_only_when_it_runs(path):
    top = ast.Module(
        [n for n in TREES[path].body if isinstance(n, (ast.Import, ast.ImportFrom))], []
    )
    heavy = {*HEAVY, 'mmseg_mammo'}
    light = tuple(f'mmseg_mammo.{room}' for room in (*LIGHT, 'version', 'errors', 'host', 'cli'))
    found = {name for name in imported(top) if name.split('.')[0] in heavy}
    assert not {name for name in found if not f'{name}.'.startswith(tuple(f'{r}.' for r in light))}


@pytest.mark.slow
def test_no_light_module_brings_torch_along():
    """In a process of its own: what other libraries import the trees above do not show."""
    names = [
        f'mmseg_mammo.{name_of(path)}'
        for path in MODULES
        if room_of(path) in (*LIGHT, 'cli') and place(path) not in WITH_TORCH
    ]
    code = f'import importlib, sys\nfor name in {names}: importlib.import_module(name)\n'
    code += f'print(*sorted({set(HEAVY)} & set(sys.modules)))'
    said = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'MMSEG_MAMMO_REGISTER': '0'},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == []


@each([path for path in MODULES if room_of(path) != 'io' and place(path) != PEER])
def test_image_formats_are_read_in_one_room(path):
    names = imported(TREES[path])
    assert not (attributes(TREES[path]) | names) & {'pydicom.dcmread', 'cv2.imdecode', 'cv2.imread'}
    assert 'highdicom' not in {name.split('.')[0] for name in names}


@each([path for path in MODULES if not place(path).startswith(REGISTERING)])
def test_only_some_rooms_register_classes(path):
    assert not any('register_module' in name for name in attributes(TREES[path]))


@each()
def test_files_and_functions_stay_small(path):
    assert path.read_text(encoding='utf-8').count('\n') <= MOST_LINES
    functions = [node for node in ast.walk(TREES[path]) if isinstance(node, FUNCTIONS)]
    assert {f.name: code_lines(f) for f in functions if code_lines(f) > MOST_CODE} == {}


@each()
def test_everything_public_is_documented(path):
    tree = TREES[path]
    assert ast.get_docstring(tree)
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != '_']
    members = [node for one in classes for node in one.body if isinstance(node, FUNCTIONS)]
    found = [*classes, *members, *(node for node in tree.body if isinstance(node, FUNCTIONS))]
    public = [node for node in found if not node.name.startswith('_')]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


@each()
def test_a_private_function_is_used_in_its_module(path):
    names = {node.id for node in ast.walk(TREES[path]) if isinstance(node, ast.Name)}
    private = {f.name for f in TREES[path].body if isinstance(f, FUNCTIONS) and f.name[0] == '_'}
    assert private - names - {'__getattr__'} == set()


@pytest.mark.parametrize('room', ROOMS)
def test_a_private_function_has_a_name_of_its_own_in_its_room(room):
    found = Counter(
        node.name
        for path, tree in TREES.items()
        if room_of(path) == room
        for node in tree.body
        if isinstance(node, FUNCTIONS) and node.name[0] == '_'
    )
    assert {name: times for name, times in found.items() if times > 1} == {}


def test_folders_stay_small():
    sizes = {}
    for path in MODULES:
        if path.name != '__init__.py' and room_of(path) != 'cli':
            sizes[path.parent] = sizes.get(path.parent, 0) + 1
    assert {place(folder): n for folder, n in sizes.items() if n > MOST_MODULES} == {}


def test_tests_mirror_the_package():
    modules = {place(path) for path in MODULES if path.name != '__init__.py' and '/' in place(path)}
    tests = {
        path.relative_to(TESTS).with_name(path.name.removeprefix('test_')).as_posix()
        for path in TESTS.rglob('test_*.py')
        if path.parent != TESTS
    }
    assert tests - modules == set(), 'tests of no module; those of the whole project lie in tests/'
    assert modules - tests == set(), 'modules without tests'


def test_the_rooms_are_those_of_the_package():
    found = {path.stem for path in PACKAGE.glob('*.py')} | {
        path.name for path in PACKAGE.iterdir() if (path / '__init__.py').is_file()
    }
    assert found - {'__init__', '__main__'} == set(ROOMS)
    assert importlib.util.find_spec('mmseg_mammo.preparation') is not None
