"""Host stack: checks that MMSegmentation and its companions are installed in a fitting version."""

import io
import time
import warnings
from ast import literal_eval
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from importlib import import_module, metadata
from importlib.util import find_spec
from pickle import UnpicklingError
from typing import Any

from mmseg_mammo.errors import HostError

# Import name -> versions that this package works with; requirements/ holds them per stack.
VERSIONS = {
    'torch': '>=2.1,<3',
    'torchvision': '>=0.16,<1',
    'mmengine': '>=0.10,<1',
    'mmcv': '>=2.1,<3',
    'mmseg': '>=1.2,<2',
    'mmpretrain': '>=1.2,<2',
}
MISSING = 'MMSegmentation is not installed.'
REMEDY = (
    "Install a host stack to train and test, in the repository: pip install '.[onedl]' "
    "(maintained) or '.[openmmlab]' (original)"
)

# Printed and warned of whenever the host is imported, of parts that nothing here uses.
_PRINTED = ('Could not import OneDL',)
_WARNED = ('Fail to import ``MultiScaleDeformableAttention``',)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Drop the known messages of the host, and let all other output and warnings through."""
    printed = io.StringIO()
    for text in _WARNED:
        warnings.filterwarnings('ignore', message=text)
    try:
        with redirect_stdout(printed):
            yield
    finally:
        lines = printed.getvalue().splitlines()
        for line in (line for line in lines if line not in _PRINTED):
            print(line)


def formatter() -> Any:
    """``yapf_api``, with which the host lays out configs; also while another process writes its tables.

    At its first import yapf 0.43 keeps its grammar in the user's cache, and a process that starts at
    that moment, as those of one training do, finds the file still empty.

    Raises:
        HostError: The tables stay unreadable for five seconds.
    """
    until = time.monotonic() + 5
    while True:
        try:
            return import_module('yapf.yapflib.yapf_api')
        except (EOFError, UnpicklingError) as error:
            if time.monotonic() > until:
                from platformdirs import user_cache_dir  # comes with yapf

                raise HostError(
                    f'yapf cannot read its tables ({error})',
                    remedy=f'Delete the folder {user_cache_dir("YAPF", "Google")}',
                ) from error
            time.sleep(0.05)


def format_once() -> None:
    """Let the host lay out the text of a config once: it does so four times, and for checkpoints."""
    yapf_api = formatter()
    if hasattr(yapf_api.FormatCode, 'formatted'):
        return
    plain = yapf_api.FormatCode

    @lru_cache(maxsize=8)
    def formatted(text: str, options: str) -> Any:
        return plain(text, **literal_eval(options))

    def format_code(text: str, **options: Any) -> Any:
        return formatted(text, repr(options))

    format_code.formatted = formatted  # type: ignore[attr-defined]
    yapf_api.FormatCode = format_code
    config: Any = import_module('mmengine.config.config')
    if hasattr(config, 'FormatCode'):  # of versions that have taken it by then
        config.FormatCode = format_code


def is_installed() -> bool:
    """Whether any part of the host stack is installed, in whatever state."""
    return find_spec('mmseg') is not None


def check() -> None:
    """Import the host stack and compare its versions with :data:`VERSIONS`.

    Raises:
        HostError: A part is missing, of a version outside its range, or fails to import, as
            torchvision does beside a torch that it was not built for.
    """
    if find_spec('yapf'):
        formatter()  # the original mmengine imports it at once
    for name, versions in VERSIONS.items():
        _check_version(name, _version(name), versions)


def _version(name: str) -> str:
    try:
        return str(import_module(name).__version__)
    except ModuleNotFoundError as error:
        raise HostError(f'No module named {error.name!r} for {name}', remedy=REMEDY) from error
    except RuntimeError as error:
        if name != 'torchvision':
            raise
        pair = ', '.join(f'{part} {metadata.version(part)}' for part in ('torch', 'torchvision'))
        raise HostError(
            f'{pair} do not fit together ({error})',
            'releases and builds made for each other, such as torch 2.12.1 with torchvision '
            '0.27.1, both for CUDA or both for the CPU',
            'Reinstall both with one pip command from one index',
        ) from error


def _check_version(name: str, version: str, versions: str) -> None:
    from packaging.specifiers import SpecifierSet  # comes with the host, not with preparation

    if not SpecifierSet(versions).contains(version, prereleases=True):
        raise HostError(f'{name} {version} is installed', f'{name}{versions}', REMEDY)
