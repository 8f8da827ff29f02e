"""Packaging of mmseg_mammo; ``requirements/`` gives the reason of every dependency."""

import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def requirements(name: str) -> list[str]:
    """The requirements in ``requirements/<name>.txt``, without their comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [requirement for line in lines if (requirement := line.split('#')[0].strip())]


class BuildWithConfigs(build_py):
    """Builds the package with a copy of ``configs/``, for hospitals that install a wheel.

    It lies in ``mmseg_mammo/.mim``, as in the packages of OpenMMLab. An editable installation
    reads the folder of the clone.
    """

    def run(self) -> None:
        """Build; what an earlier build left in the place of the configs is removed."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / 'mmseg_mammo' / '.mim' / 'configs'
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / 'configs', target, ignore=shutil.ignore_patterns('__pycache__'))


setup(
    name='mmseg_mammo',
    version=runpy.run_path(str(ROOT / 'mmseg_mammo' / 'version.py'))['__version__'],
    description='Mammography segmentation on MMSegmentation: U-Net, SETR with visual prompts, SAM',
    license='Apache-2.0',
    python_requires='>=3.10,<3.13',
    packages=find_packages(include=['mmseg_mammo', 'mmseg_mammo.*']),
    scripts=['tools/mammoseg'],
    cmdclass={'build_py': BuildWithConfigs},
    package_data={'mmseg_mammo.reporting.page': ['templates/*']},
    install_requires=requirements('runtime'),
    extras_require={
        name: requirements(name)
        for name in ('onedl', 'openmmlab', 'dicom', 'seg', 'onnx', 'search', 'report', 'dev')
    },
)
