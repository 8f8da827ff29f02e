"""The package as users install it: imports with and without a host, versions, requirements."""

import os
import subprocess
import sys
import warnings
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from mmseg_mammo import host
from mmseg_mammo.errors import HostError
from mmseg_mammo.phantoms.trees import write_hospital_tree

REPOSITORY = Path(__file__).parents[1]
REQUIREMENTS = REPOSITORY / 'requirements'
RANGES = ('runtime', 'onedl', 'openmmlab', 'dicom', 'seg', 'onnx', 'dev')
LOCKS = ('3.11', '3.12')
DISTRIBUTIONS = {
    'onedl': {
        'mmengine': 'onedl-mmengine',
        'mmcv': 'onedl-mmcv',
        'mmseg': 'onedl-mmsegmentation',
        'mmpretrain': 'onedl-mmpretrain',
    },
    'openmmlab': {'mmseg': 'mmsegmentation'},
}


def run_without_host(code: str) -> subprocess.CompletedProcess:
    """Run ``code`` in a fresh interpreter that finds neither torch nor the host stack."""
    hide = f'import sys; sys.modules.update(dict.fromkeys({list(host.VERSIONS)}))\n'
    return subprocess.run(
        [sys.executable, '-c', hide + code], capture_output=True, text=True, check=False
    )


def pins(lock: str) -> dict[str, str]:
    lines = (REQUIREMENTS / f'lock-{lock}.txt').read_text(encoding='utf-8').splitlines()
    found = [Requirement(line) for line in lines if line and not line.lstrip().startswith('#')]
    return {requirement.name: str(requirement.specifier)[2:] for requirement in found}


def ranges(name: str) -> dict[str, Requirement]:
    lines = (REQUIREMENTS / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    found = [Requirement(line.split('#')[0]) for line in lines if not line.startswith('#')]
    return {requirement.name: requirement for requirement in found}


def test_a_plain_import_without_host_says_which_extra_to_install():
    done = run_without_host('import mmseg_mammo')
    assert done.returncode == 0
    assert "pip install '.[onedl]'" in done.stderr
    assert "'.[openmmlab]'" in done.stderr


@pytest.mark.slow
def test_preparation_works_without_host():
    done = run_without_host(
        'import mmseg_mammo.preparation.cbis_ddsm.prepare, mmseg_mammo.preparation.hospital.prepare\n'
        'import mmseg_mammo.phantoms.trees'
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def formatter(monkeypatch):
    """Calls of yapf; what is put in its place ends with the test."""
    calls = []

    def plain(text, **options):
        calls.append((text, options))
        return text.upper(), True

    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', plain)
    monkeypatch.setattr('mmengine.config.config.FormatCode', plain, raising=False)
    return calls


def test_the_text_of_a_config_is_laid_out_once(formatter):
    from yapf.yapflib import yapf_api

    style = {'based_on_style': 'pep8', 'split': True}
    for _ in range(2):
        host.format_once()
        for text in ('a = 1', 'b = 2', 'a = 1'):
            assert yapf_api.FormatCode(text, style_config=style) == (text.upper(), True)
    assert formatter == [('a = 1', {'style_config': style}), ('b = 2', {'style_config': style})]
    yapf_api.FormatCode('a = 1', style_config={}, verify=True)
    assert formatter[2:] == [('a = 1', {'style_config': {}, 'verify': True})]


def test_a_preparation_ends_with_its_card_and_sheets_on_a_machine_for_data(tmp_path):
    """With the dependencies of the package alone: no host, and no extra but ``dicom``."""
    raw = write_hospital_tree(tmp_path / 'raw', patients=3, height=96)
    extras = ['matplotlib', 'jinja2', 'highdicom', 'onnx', 'onnxruntime', 'optuna', 'monai']
    done = run_without_host(
        f'sys.modules.update(dict.fromkeys({extras}))\n'
        'from mmseg_mammo.cli.main import main\n'
        f"main(['prepare', '{tmp_path}/out', '--table', '{raw}/annotations.csv', '--jobs', '1'])"
    )
    assert done.returncode == 0, done.stderr
    for name in ('index.csv', 'card.md', 'browse/index.html'):
        assert (tmp_path / 'out' / name).is_file()


@pytest.mark.parametrize(
    ('package', 'extra', 'words'),
    [
        ('matplotlib', 'report', ['card', 'absent']),
        ('jinja2', 'report', ['report', 'absent', '--out', 'out']),
    ],
)
def test_a_package_of_an_extra_that_is_missing_is_named_with_its_extra(package, extra, words):
    done = run_without_host(
        f'sys.modules[{package!r}] = None\nfrom mmseg_mammo.cli.main import main\nmain({words})'
    )
    assert done.returncode == 1
    expected = f"{package} is not installed. pip install '.[{extra}]' in the repository."
    assert (
        done.stderr.splitlines()[-1] == f'mammoseg {words[0]}: {expected}'
    )  # after the host's warning
    assert package in (REQUIREMENTS / f'{extra}.txt').read_text()


def run_with_host(code: str, **environment: str) -> str:
    """What ``code`` prints in a fresh interpreter with the host."""
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
def test_what_a_first_step_does_not_need_is_imported_later():
    code = (
        'import sys\n'
        'import mmengine.runner, mmseg.datasets, mmseg.engine, mmseg.models, mmpretrain.models\n'
        'before = set(sys.modules)\n'
        'import mmseg_mammo\n'
        "late = ['highdicom', 'matplotlib', 'monai', 'onnx', 'onnxruntime', 'openpyxl', 'pandas']\n"
        "late += ['pydicom', 'scipy.stats', 'sklearn']\n"
        'print([name for name in late if name in set(sys.modules) - before])'
    )
    assert run_with_host(code).splitlines()[-1] == '[]'


@pytest.mark.slow
@pytest.mark.parametrize(
    'arguments',
    [
        ('prepare_cbis_ddsm', 'absent', 'out'),
        ('prepare_hospital', 'out', '--table', 'absent'),
        ('make_phantom', 'docs', '--hospital', 'zgt'),
        ('report', 'absent', '--out', 'out'),
    ],
    ids=lambda arguments: arguments[0],
)
def test_preparation_and_report_leave_torch_alone(arguments):
    """Also where it is installed: it would cost every worker seconds and memory."""
    tool, *words = arguments
    code = (
        'import os, runpy, sys\n'
        f"sys.argv = ['tools/{tool}.py', *{words}]\n"
        'try:\n'
        f"    runpy.run_path('tools/{tool}.py', run_name='__main__')\n"
        'except SystemExit as end:\n'
        "    print(end.code.count('absent') + end.code.count('docs') > 0)\n"
        "print('torch' in sys.modules, 'mmseg' in sys.modules, os.environ['MMSEG_MAMMO_REGISTER'])"
    )
    assert run_with_host(code).splitlines() == ['True', 'False False 0']


@pytest.mark.slow
def test_registering_waits_for_the_call_where_the_environment_says_so():
    code = (
        'import os, sys, mmseg_mammo\n'
        "print('torch' in sys.modules)\n"
        'mmseg_mammo.register()\n'
        'mmseg_mammo.register()\n'
        'from mmseg.registry import HOOKS, METRICS, MODELS\n'
        "names = (MODELS, 'SAMSegmentor'), (METRICS, 'MammographyMetric'), (HOOKS, 'ViewerHook')\n"
        'print(*(registry.get(name).__name__ for registry, name in names))\n'
        "print(os.environ.get('MMSEG_MAMMO_REGISTER'))"
    )
    said = run_with_host(code, MMSEG_MAMMO_REGISTER='0').splitlines()
    assert said == ['False', 'SAMSegmentor MammographyMetric ViewerHook', 'None']


def test_an_installation_puts_the_command_on_the_path(tmp_path):
    build = [sys.executable, 'setup.py', '-q', 'build_scripts', '--build-dir', str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True)
    environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY)}
    command = [str(tmp_path / 'mammoseg'), '--version']
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == f'mmseg_mammo {import_module("mmseg_mammo").__version__}\n'


def test_without_a_host_registering_says_which_extra_to_install():
    code = 'import os\nos.environ["MMSEG_MAMMO_REGISTER"] = "0"\nimport mmseg_mammo\n'
    done = run_without_host(code + 'mmseg_mammo.register()')
    assert 'MMSegmentation is not installed' in done.stderr.splitlines()[-1]
    assert "pip install '.[onedl]'" in done.stderr.splitlines()[-1]


def test_the_package_offers_to_load_a_model_and_an_inferencer():
    package = import_module('mmseg_mammo')
    assert package.load_model is import_module('mmseg_mammo.engine.checkpoint').load_model
    offered = import_module('mmseg_mammo.inference.inferencer').MammoInferencer
    assert package.MammoInferencer is offered
    with pytest.raises(AttributeError, match="'mmseg_mammo' has no attribute 'absent'"):
        _ = package.absent


def test_a_plain_import_with_host_registers_every_room():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        package = import_module('mmseg_mammo')
    for room in ('datasets', 'transforms', 'models', 'engine', 'evaluation'):
        assert isinstance(getattr(package, room), ModuleType)


def test_the_installed_host_is_accepted():
    host.check()


@pytest.mark.parametrize(
    ('name', 'version'), [('mmseg', '0.30.0'), ('mmseg', '2.0.0'), ('mmengine', '1.0.0')]
)
def test_another_version_of_the_host_is_named_with_range_and_extra(monkeypatch, name, version):
    monkeypatch.setattr(import_module(name), '__version__', version)
    with pytest.raises(HostError) as caught:
        host.check()
    assert f'{name} {version}' in str(caught.value)
    assert host.VERSIONS[name] in str(caught.value)
    assert '.[onedl]' in str(caught.value)


def test_a_missing_part_of_the_host_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmpretrain', None)
    with pytest.raises(HostError, match=r'mmpretrain.*\.\[onedl\]'):
        host.check()


def test_torchvision_beside_a_foreign_torch_is_one_message(monkeypatch):
    def broken(name: str) -> ModuleType:
        if name == 'torchvision':
            raise RuntimeError('operator torchvision::nms does not exist')
        return import_module(name)

    monkeypatch.setattr(host, 'import_module', broken)
    with pytest.raises(HostError, match=r'torch \d.*torchvision \d.*do not fit.*Reinstall both'):
        host.check()


@pytest.mark.parametrize('written', [True, False])
def test_tables_of_yapf_that_another_process_writes_are_waited_for(tmp_path, written):
    cache = tmp_path / 'YAPF' / metadata.version('yapf')
    cache.mkdir(parents=True)
    version = '.'.join(map(str, sys.version_info))
    empty = cache / f'Grammar-py{version}.pickle'
    empty.touch()
    later = f'Timer(1, os.remove, [{str(empty)!r}]).start()' if written else ''
    code = f"""
import os; from threading import Timer; {later}
from mmseg_mammo import host; host.format_once()
from mmengine.config import Config; print(Config(dict(a=1)).pretty_text)"""
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'XDG_CACHE_HOME': str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if written:
        assert done.stdout.strip() == 'a = 1', done.stderr
    else:
        assert (
            f'HostError: yapf cannot read its tables (Ran out of input). Delete the folder {cache.parent}'
            in done.stderr
        )


@pytest.mark.parametrize('name', RANGES)
def test_every_requirement_states_its_reason(name):
    for line in (REQUIREMENTS / f'{name}.txt').read_text(encoding='utf-8').splitlines():
        assert line.startswith('# ') or len(line.partition('  # ')[2]) > 3, line


@pytest.mark.parametrize('lock', LOCKS)
@pytest.mark.parametrize('name', ['runtime', 'onedl', 'dicom', 'seg', 'dev'])
def test_the_lock_files_pin_every_requirement_within_its_range(name, lock):
    pinned = pins(lock)
    for requirement in ranges(name).values():
        assert pinned[requirement.name] in requirement.specifier


@pytest.mark.parametrize('lock', LOCKS)
def test_the_lock_files_hold_the_pair_of_torch_and_torchvision(lock):
    for name, pair in ranges('torch').items():
        assert pair.specifier == SpecifierSet(f'=={pins(lock)[name]}')


@pytest.mark.parametrize('lock', LOCKS)
def test_both_builds_of_opencv_are_of_one_version(lock):
    assert pins(lock)['opencv-python'] == pins(lock)['opencv-python-headless']


@pytest.mark.parametrize('stack', DISTRIBUTIONS)
def test_the_ranges_of_a_stack_lie_within_what_the_import_accepts(stack):
    required = ranges(stack)
    for name, accepted in host.VERSIONS.items():
        specifiers = required[DISTRIBUTIONS[stack].get(name, name)].specifier
        lowest = next(str(s.version) for s in specifiers if s.operator == '>=')
        assert lowest in SpecifierSet(accepted), (name, lowest)


@pytest.mark.parametrize('lock', LOCKS)
def test_pre_commit_uses_the_ruff_of_the_lock_files(lock):
    hooks = (REPOSITORY / '.pre-commit-config.yaml').read_text(encoding='utf-8')
    assert hooks.count(f'ruff=={pins(lock)["ruff"]}]') == hooks.count('ruff==') == 2


def test_importing_the_host_is_quiet_about_what_it_always_says(capsys):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter('always')
        with host.quiet_import():
            print('Could not import OneDL')
            print('of the user')
            warnings.warn('Fail to import ``MultiScaleDeformableAttention`` from', stacklevel=1)
            warnings.warn('of the user', stacklevel=1)
    assert capsys.readouterr().out == 'of the user\n'
    assert [str(each.message) for each in warned] == ['of the user']
