"""Mammography segmentation on MMSegmentation.

Importing the package registers its datasets, transforms, models, hooks and metrics in
``mmseg.registry``. Where MMSegmentation is not installed, a warning says how to get it, and only
:mod:`mmseg_mammo.preparation` can be used.

The preparation tools set ``MMSEG_MAMMO_REGISTER=0`` in their own process: they need no host, and
torch would cost each of their workers seconds and several hundred megabytes.
"""

import os
import warnings

from mmseg_mammo import host
from mmseg_mammo.version import __version__

if os.environ.get('MMSEG_MAMMO_REGISTER') != '0':
    if host.is_installed():
        with host.quiet_import():
            host.check()
            from mmseg_mammo import datasets, engine, models, transforms  # noqa: F401
            from mmseg_mammo.evaluation import metric  # noqa: F401
    else:
        warnings.warn(
            f'{host.MISSING} {host.REMEDY}. Until then only mmseg_mammo.preparation works.',
            stacklevel=2,
        )

__all__ = ['__version__']
