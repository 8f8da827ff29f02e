"""Which sides of an input the modules of a config can divide."""

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.models.backbones import UNet
from mmseg.registry import MODELS

from mmseg_mammo.engine.config.type_names import class_of
from mmseg_mammo.errors import MammoError


def check_side(cfg: Config, side: int) -> None:
    """Refuse a side that a module of the config cannot divide.

    Args:
        cfg: Of an experiment.
        side: Of the square model input, in pixels.

    Raises:
        MammoError: It is not a positive multiple of what the modules ask for.
    """
    multiple, reasons = 1, []
    for asked, reason in _asked(cfg.get('model')):
        if multiple % asked:
            multiple = math.lcm(multiple, asked)
            reasons.append(reason)
    if side > 0 and side % multiple == 0:
        return
    below = max(side // multiple, 1) * multiple
    raise MammoError(
        f'--side {side}',
        f'a multiple of {multiple} ({", ".join(reasons)}), such as {below} or {below + multiple}'
        if reasons
        else 'a positive number',
    )


def _asked(node: Any) -> Iterator[tuple[int, str]]:
    """The multiple that each module in ``node`` asks for, and why."""
    if isinstance(node, Mapping):
        kind = class_of(node.get('type'), MODELS)
        if kind:
            yield from _asked_by(kind, node)
    if isinstance(node, (Mapping, list, tuple)):
        for child in node.values() if isinstance(node, Mapping) else node:
            yield from _asked(child)


def _asked_by(kind: type, given: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    parameters = inspect.signature(kind).parameters
    settings = {name: one.default for name, one in parameters.items()} | dict(given)
    if hasattr(kind, 'side_multiple'):  # see models/peft/trainable.py
        multiple = kind.side_multiple(given)
        yield multiple, f'{kind.__name__} asks for {multiple}'
    elif issubclass(kind, UNet):
        further = zip(settings['strides'][1:], settings['downsamples'], strict=False)
        halvings = list(further)[: settings['num_stages'] - 1]
        count = sum(stride == 2 or pools for stride, pools in halvings)
        yield 2**count, f'{kind.__name__} halves its input {count} times'
    elif isinstance(patch := settings.get('patch_size'), (int, tuple, list)):
        multiple = patch if isinstance(patch, int) else math.lcm(*patch)
        yield multiple, f'{kind.__name__} cuts it into patches of {multiple}'
