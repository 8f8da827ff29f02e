"""Packaging of mmseg_mammo; ``requirements/`` gives the reason of every dependency."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(name: str) -> list[str]:
    """The requirements in ``requirements/<name>.txt``, without their comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [requirement for line in lines if (requirement := line.split('#')[0].strip())]


setup(
    name='mmseg_mammo',
    version=runpy.run_path(str(ROOT / 'mmseg_mammo' / 'version.py'))['__version__'],
    description='Mammography segmentation on MMSegmentation: U-Net, SETR with visual prompts, SAM',
    license='Apache-2.0',
    python_requires='>=3.10,<3.13',
    packages=find_packages(include=['mmseg_mammo', 'mmseg_mammo.*']),
    scripts=['tools/mammoseg'],
    package_data={'mmseg_mammo.reporting.page': ['templates/*']},
    install_requires=requirements('runtime'),
    extras_require={
        name: requirements(name)
        for name in ('onedl', 'openmmlab', 'dicom', 'search', 'report', 'dev')
    },
)
