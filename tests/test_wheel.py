"""A hospital installs a wheel, somewhere without the repository, and inherits its configs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PARTS = ('mmseg_mammo', 'configs', 'requirements', 'tools')
FILES = ('setup.py', 'MANIFEST.in', 'pyproject.toml', 'README.md')
CONFIGS = 'mmseg_mammo/.mim/configs/'
# In a process whose first folder of packages is the unpacked wheel.
HOSPITAL = """
import argparse, pathlib, sys
import mmseg_mammo
from mmseg_mammo.cli import config
from mmseg_mammo.engine.config.load import load_config, read_config
from mmseg_mammo.io.shipped import configs_folder, shipped_configs
from mmengine.config import Config

installed = pathlib.Path(sys.argv[1])
assert pathlib.Path(mmseg_mammo.__file__).parent == installed / 'mmseg_mammo'
assert configs_folder() == installed / 'mmseg_mammo' / '.mim' / 'configs'
for name in shipped_configs():
    assert read_config(name).custom_imports.imports == ['mmseg_mammo']
pathlib.Path('heir.py').write_text("_base_ = 'mmseg_mammo::setr_pup_vpt_cbis.py'")
assert read_config('heir.py').to_dict() == read_config('setr_pup_vpt_cbis').to_dict()
parser = argparse.ArgumentParser()
config.add_arguments(parser)
for words in (['--out', 'mine.py'], ['--flat', '--out', 'whole.py']):
    config.main(parser.parse_args(['sam_lora_cbis', *words]))
assert read_config('mine.py').model == read_config('sam_lora_cbis').model
assert Config.fromfile('whole.py').to_dict() == read_config('sam_lora_cbis').to_dict()
given = argparse.Namespace(
    config='mine.py', work_dir=None, cfg_options=None, launcher='none', dataset='zgt'
)
assert load_config(given).test_dataloader.dataset.type == 'ZGTDataset'
"""


def run(*words, cwd, **more):
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def wheel_of(source, folder):
    run(
        *('-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index', '-q'),
        *('-w', folder, source),
        cwd=source.parent,
    )
    (found,) = folder.glob('*.whl')
    return found


@pytest.fixture(scope='module')
def clone(tmp_path_factory):
    """What a build reads, in a folder of its own; a build leaves files behind."""
    root = tmp_path_factory.mktemp('source') / 'clone'
    for part in PARTS:
        shutil.copytree(
            REPOSITORY / part, root / part, ignore=shutil.ignore_patterns('__pycache__')
        )
    for name in FILES:
        shutil.copy(REPOSITORY / name, root)
    return root


@pytest.mark.slow
def test_a_hospital_inherits_the_configs_of_a_wheel(clone, tmp_path):
    stale = clone / 'build' / 'lib' / CONFIGS / 'moved.py'  # of an earlier build
    stale.parent.mkdir(parents=True)
    stale.touch()
    wheel = wheel_of(clone, tmp_path / 'wheel')
    shipped = {path.relative_to(clone / 'configs') for path in clone.glob('configs/**/*.py')}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.removeprefix(CONFIGS) for name in archive.namelist() if CONFIGS in name}
        files = {name for name in archive.namelist() if '/templates/' in name}
    assert packed == {path.as_posix() for path in shipped}
    assert files == {
        path.relative_to(clone).as_posix() for path in clone.glob('mmseg_mammo/**/templates/*')
    }
    run(
        *('-m', 'pip', 'install', '--no-deps', '--no-index', '-q', '--target'),
        *(tmp_path / 'installed', wheel),
        cwd=tmp_path,
    )
    (tmp_path / 'hospital').mkdir()
    run(
        *('-c', HOSPITAL, tmp_path / 'installed'),
        cwd=tmp_path / 'hospital',
        PYTHONPATH=str(tmp_path / 'installed'),
    )
    run(
        *(tmp_path / 'installed' / 'bin' / 'mammoseg', 'config', 'sam_lora_cbis'),
        *('--out', 'by_command.py'),
        cwd=tmp_path / 'hospital',
        PYTHONPATH=str(tmp_path / 'installed'),
    )
    assert 'mmseg_mammo::' in (tmp_path / 'hospital' / 'by_command.py').read_text()


@pytest.mark.slow
def test_a_wheel_of_the_source_distribution_is_that_of_the_clone(clone, tmp_path):
    run('setup.py', '-q', 'sdist', '--formats=zip', '-d', tmp_path, cwd=clone)
    (source,) = tmp_path.glob('*.zip')
    names = []
    for each in (source, clone):
        with zipfile.ZipFile(wheel_of(each, tmp_path / each.stem)) as archive:
            names.append(sorted(archive.namelist()))
    assert names[0] == names[1]
