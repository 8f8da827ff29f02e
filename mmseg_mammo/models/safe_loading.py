"""Safe loading: reads a checkpoint file as tensors and plain data, so that none can run code."""

import codecs
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.dist import barrier, get_rank
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as host

from mmseg_mammo.errors import CheckpointError

_STATISTICS = ('min', 'max', 'current', 'mean')  # what MMEngine's buffers of scalars refer to
_REMOTE = ('pavi:', r'(\S+\:)?')  # what MMEngine's names of stores begin with
# How torch, and the class below, name what a pickle wants made.
_NAMED = re.compile(r'(?:unsupported|GLOBAL)[a-z: ]*\s([\w]+\.[\w.]+)', re.IGNORECASE)
_KINDS = 'a checkpoint of this project, of MMSegmentation, or a state dict'
_REMEDY = 'Take weights from who trained them as .safetensors, or as a state dict of tensors alone'


def _statistic(owner: object, name: str) -> Callable:
    """``getattr`` as a pickled :class:`HistoryBuffer` calls it, and no other."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'Unsupported global: builtins.getattr of {name!r}')
    return getattr(HistoryBuffer, name)


# Of numpy._core.multiarray, numpy.core.multiarray until NumPy 2.
_OF_NUMPY: tuple[Any, ...] = (np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0])
# What MMEngine's checkpoints hold beside tensors and plain data, by the names in the files.
_ALLOWED: dict[str, Any] = {
    'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
    'builtins.getattr': _statistic,
    '_codecs.encode': codecs.encode,  # bytes of NumPy's
    'numpy.ndarray': np.ndarray,
    'numpy.dtype': np.dtype,
    **{
        f'numpy.{core}.multiarray.{made.__name__}': made
        for core in ('core', '_core')
        for made in _OF_NUMPY
    },
}
# Their instances are filled after they are made.
_DTYPES = tuple({type(np.dtype(kind)) for kind in '?bhilqBHILQefdSU'})


def load_plain(path: str | Path, map_location: Any = 'cpu') -> Any:
    """Read a file that ``torch.save`` wrote, with ``weights_only=True``.

    Beside what torch allows, it may hold what MMEngine's checkpoints do: arrays and scalars of
    NumPy, and buffers of scalars.

    Args:
        path: The file.
        map_location: See ``torch.load``.

    Raises:
        CheckpointError: It holds anything else, which might run code; or it is damaged.
        FileNotFoundError: There is no such file.
    """
    try:
        found = _read_plain(path, map_location)
    except OSError:
        raise
    # What is damaged raises many types. Texts of torch, which say how to load without care, are not shown.
    except Exception as error:
        wanted = _NAMED.search(str(error))
        if wanted is None:
            raise CheckpointError(
                f'{path}: damaged inside, torch cannot read it',
                'a file that torch.save wrote',
                'Copy it again and compare its hash',
            ) from error
        raise CheckpointError(
            f'{path}: holds more than tensors and plain data ({wanted[1]})', _KINDS, _REMEDY
        ) from error
    if not isinstance(found, Mapping):
        raise CheckpointError(f'{path}: holds a {type(found).__name__}, not weights', _KINDS)
    return found


def use_safe_loading() -> None:
    """Let MMEngine, too, read files by :func:`load_plain`: runners, models that load weights.

    Its own loader tries again with ``weights_only=False``. For the commands of this project; a
    program that imports this package keeps MMEngine's.
    """
    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    web = ('http://', 'https://')
    CheckpointLoader.register_scheme(prefixes=web, loader=_from_web, force=True)
    remote = [prefix for prefix in CheckpointLoader._schemes if prefix.startswith(_REMOTE)]
    CheckpointLoader.register_scheme(prefixes=remote, loader=_refuse, force=True)
    host.load_from_http = _from_web  # by which its loaders of names, open-mmlab://…, read


@contextmanager
def safe_loading() -> Iterator[None]:
    """:func:`use_safe_loading` for as long as this lasts."""
    schemes, load_from_http = CheckpointLoader._schemes, host.load_from_http
    CheckpointLoader._schemes = type(schemes)(schemes)
    use_safe_loading()
    try:
        yield
    finally:
        CheckpointLoader._schemes, host.load_from_http = schemes, load_from_http


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Load a file for MMEngine, which says the end of this function's name in the log.

    Raises:
        FileNotFoundError: There is none; MMEngine's own words.
        CheckpointError: See :func:`load_plain`.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{filename} can not be found.')
    return load_plain(path, map_location)


def _from_web(
    filename: str,
    map_location: Any = None,
    model_dir: str | None = None,
    progress: bool = False,
) -> Any:
    """As MMEngine's: from the folder of downloads of torch, where it is, after downloading it."""
    folder = Path(model_dir or Path(torch.hub.get_dir()) / 'checkpoints')
    path = folder / Path(urlparse(filename).path).name
    if not path.is_file() and get_rank() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(filename, str(path), progress=progress)
    barrier()
    return load_plain(path, map_location)


def _refuse(filename: str, map_location: Any = None) -> Any:
    raise CheckpointError(f'{filename}: not a local file', 'a file, or http(s)', 'Copy it here')


def _read_plain(path: str | Path, map_location: Any) -> Any:
    if hasattr(torch.serialization, 'get_unsafe_globals_in_checkpoint'):
        known: list[Any] = [*((value, name) for name, value in _ALLOWED.items()), *_DTYPES]
        with torch.serialization.safe_globals(known):
            return torch.load(path, map_location=map_location, weights_only=True)
    # torch before 2.6 has no list to add such names to: its own one and ours, in an unpickler of ours.
    return torch.load(path, map_location=map_location, pickle_module=_Restricted)


class _Restricted:
    """What ``torch.load`` takes for the module ``pickle``; it makes what is allowed, and no more."""

    UnpicklingError = pickle.UnpicklingError

    class Unpickler(pickle.Unpickler):
        """An unpickler that looks nothing up but in a list."""

        def find_class(self, module: str, name: str) -> Any:
            """The object of this name, if it is in the list."""
            from torch._weights_only_unpickler import _get_allowed_globals

            known = {**_get_allowed_globals(), **_ALLOWED}
            path = f'{module}.{name}'.replace(
                '__builtin__.', 'builtins.'
            )  # in pickles of protocol 2
            if path not in known:
                raise pickle.UnpicklingError(f'Unsupported global: {path}')
            return known[path]

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        """As ``pickle.load``; of the formats before torch 1.6."""
        return _Restricted.Unpickler(file, **options).load()
