"""The architecture as tests: rooms look to the left only; files and functions stay small."""

import ast
from pathlib import Path

import pytest

import mmseg_mammo

PACKAGE = Path(mmseg_mammo.__file__).parent
ROOMS = (
    'version',
    'errors',
    'preparation',
    'datasets',
    'transforms',
    'models',
    'engine',
    'evaluation',
    'reporting',
)
HOST_CHECK = ('host',)  # for __init__.py, which alone sees every room
HEAVY = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmseg', 'mmpretrain')
MODULES = sorted(path for path in PACKAGE.rglob('*.py') if path != PACKAGE / '__init__.py')
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def imported_names(path: Path) -> set[str]:
    """Dotted names of everything that the module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}, line {node.lineno}: relative import'
            names |= {f'{node.module}.{alias.name}' for alias in node.names}
    return names


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of signature and body, without decorators and docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@pytest.mark.parametrize('path', MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_its_own_room_and_rooms_to_its_left(path):
    own = [name.split('.') for name in imported_names(path) if name.startswith('mmseg_mammo')]
    seen = {parts[1] for parts in own if len(parts) > 1}
    if room_of(path) in HOST_CHECK:
        allowed = {'errors'}
    else:
        allowed = set(ROOMS[: ROOMS.index(room_of(path)) + 1])
    assert seen <= allowed, f'{path.name} looks to its right: {sorted(seen - allowed)}'


@pytest.mark.parametrize(
    'path',
    [path for path in MODULES if room_of(path) in ('errors', 'version', 'preparation')],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_preparation_needs_neither_torch_nor_the_host(path):
    assert not {name.split('.')[0] for name in imported_names(path)} & set(HEAVY)


@pytest.mark.parametrize(
    'path',
    [path for path in MODULES if room_of(path) == 'reporting'],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_a_report_is_made_from_files_without_torch_host_or_models(path):
    names = imported_names(path)
    assert not {name.split('.')[0] for name in names} & set(HEAVY)
    ours = {name.split('.')[1] for name in names if name.startswith('mmseg_mammo.')}
    assert ours <= {'version', 'errors', 'preparation', 'reporting'}


def test_only_one_module_uses_pydicom_to_read():
    users = {path.name for path in MODULES if 'pydicom.dcmread' in _attributes(path)}
    assert users == {'dicom.py'}


@pytest.mark.parametrize('path', MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path):
    text = path.read_text(encoding='utf-8')
    assert text.count('\n') <= 250
    long = {
        node.name: code_lines(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, FUNCTIONS) and code_lines(node) > 40
    }
    assert not long


def _attributes(path: Path) -> set[str]:
    return {
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.Attribute)
    }
