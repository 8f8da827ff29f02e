"""Kinds of pipeline steps: which give the same again, use no random numbers, or take one channel.

A class of this package or of a user says so itself, by an attribute in its own body; a child, which may
do more, does not inherit it:

* ``cacheable = True``: the result depends on the step's settings, on the files of the image and of its
  mask, and on the row of the index alone. It is kept by the pixel cache.
* ``deterministic = True``: no random numbers of NumPy or Python are used.
* ``one_channel = True``: an image whose three channels are one memory is understood; nothing is
  written into it.
"""

import hashlib
import inspect
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import mmcv.transforms as theirs
import mmseg.datasets.transforms as hosts

import mmseg_mammo
from mmseg_mammo.io.pixel_cache.values import to_json

_CACHEABLE = (
    *(theirs.LoadImageFromFile, theirs.LoadAnnotations, theirs.Resize, theirs.Pad),
    *(theirs.CenterCrop, hosts.LoadAnnotations, hosts.Resize),
)
_ONE_CHANNEL = (theirs.RandomFlip, hosts.RandomFlip, hosts.RandomCrop)
_HOSTS = ('mmcv.', 'mmseg.', 'mmengine.', 'builtins')
_OWN = 'mmseg_mammo.'
# What decodes pixels, computes on them, or does the steps of the host.
_PACKAGES = (
    *('numpy', 'pillow', 'pydicom', 'pylibjpeg', 'pylibjpeg-libjpeg', 'pylibjpeg-openjpeg'),
    *('pylibjpeg-rle', 'pyjpegls', 'python-gdcm'),
    *('nvidia-nvimgcodec-cu12', 'nvidia-nvimgcodec-cu13'),
    *('mmcv', 'mmcv-lite', 'onedl-mmcv', 'mmsegmentation', 'onedl-mmsegmentation'),
)


def is_cacheable(step: Any) -> bool:
    """Whether the pixel cache may keep what a step gives."""
    listed = type(step) in _CACHEABLE or _says(step, 'cacheable')
    return listed and to_json(vars(step)) is not None


def is_deterministic(step: Any) -> bool:
    """Whether a step is known to use no random numbers."""
    return is_cacheable(step) or _says(step, 'deterministic')


def takes_one_channel(step: Any) -> bool:
    """Whether a step understands an image whose three channels are one memory."""
    return type(step) in _ONE_CHANNEL or _says(step, 'one_channel')


def is_known(step: Any) -> bool:
    """Whether a step is of this package or of the host, so that it reads no more than it has to."""
    return f'{type(step).__module__}.'.startswith((_OWN, *_HOSTS))


def most_pixels(steps: Sequence[Any]) -> int:
    """The most pixels that an image has behind a run of cacheable steps; 0: they do not tell.

    A resizing keeps within its ``scale``, whatever aspect ratio and millimetres it follows.
    """
    sizes = [step.scale for step in steps if isinstance(step, theirs.Resize)]
    known = bool(sizes) and isinstance(sizes[-1], (tuple, list))
    return int(sizes[-1][0]) * int(sizes[-1][1]) if known else 0


def describe_step(step: Any) -> dict[str, Any]:
    """What the result of a cacheable step depends on, beside its input; JSON values."""
    kind = type(step)
    # Own code is hashed as a whole. That of the host has a version, but many work on a changed copy.
    known = (_OWN, 'builtins.')
    others = [one for one in kind.__mro__ if not f'{one.__module__}.'.startswith(known)]
    return {
        'type': f'{kind.__module__}.{kind.__qualname__}',
        'settings': (to_json(vars(step)) or b'').decode(),
        'code': [_hash_of(one) for one in others],
    }


@lru_cache(maxsize=1)
def describe_software() -> dict[str, str]:
    """The code and the packages that the result of any step depends on."""
    digest = hashlib.blake2b(digest_size=16)
    root = Path(mmseg_mammo.__file__).parent
    paths = [path for room in ('io', 'transforms') for path in sorted((root / room).rglob('*.py'))]
    for path in (*paths, root / 'evaluation' / 'breast.py'):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    found = {'code': digest.hexdigest(), 'opencv': cv2.__version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _says(step: Any, what: str) -> bool:
    return vars(type(step)).get(what) is True


def _hash_of(kind: type) -> str:
    """The hash of the module of a class; of one without a file, its name."""
    try:
        data = Path(inspect.getfile(kind)).read_bytes()
    except (OSError, TypeError):
        data = kind.__module__.encode()
    return hashlib.blake2b(data, digest_size=16).hexdigest()
