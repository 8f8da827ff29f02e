"""Mammography segmentation as an extension of MMSegmentation.

Importing the package registers its datasets, transforms, models, hooks and metrics in
``mmseg.registry``. Where MMSegmentation is not installed, a warning says how to get it, and only
preparation, phantoms and reports can be used.

The console command and the preparation tools set ``MMSEG_MAMMO_REGISTER=0`` in their own process:
``--help`` and the preparation need no host, and torch would cost each worker of the preparation
seconds and several hundred megabytes. Commands that need the host call :func:`register`.
"""

import os
import warnings
from importlib import import_module
from typing import Any

from mmseg_mammo import host
from mmseg_mammo.errors import HostError
from mmseg_mammo.io.files import uncollected
from mmseg_mammo.version import __version__

_VARIABLE = 'MMSEG_MAMMO_REGISTER'
# What needs torch, by its module.
_LAZY = {
    'MammoInferencer': 'inference.inferencer',
    'Predictor': 'inference.predictor',
    'load_model': 'engine.checkpoint',
}


def register() -> None:
    """Register the datasets, transforms, models, hooks and metrics of this package.

    A second call does nothing more. ``MMSEG_MAMMO_REGISTER`` is removed from the environment, so
    that processes started from this one register too.

    Raises:
        HostError: The host stack is missing, of another version, or broken.
    """
    os.environ.pop(_VARIABLE, None)
    if not host.is_installed():
        raise HostError(host.MISSING, remedy=host.REMEDY)
    with host.quiet_import(), uncollected():
        host.check()
        from mmseg_mammo import datasets, engine, models, transforms  # noqa: F401
        from mmseg_mammo.evaluation import metric  # noqa: F401


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f'mmseg_mammo.{_LAZY[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


if os.environ.get(_VARIABLE) != '0':
    if host.is_installed():
        register()
    else:
        warnings.warn(
            f'{host.MISSING} {host.REMEDY}. Until then only preparation, phantoms and reports work.',
            stacklevel=2,
        )

__all__ = ['MammoInferencer', 'Predictor', '__version__', 'load_model', 'register']
