"""What is trained: declared by a module, frozen in one loop."""

import hashlib
import re
from collections.abc import Collection
from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn

from mmseg_mammo.errors import MammoError


def train_only(module: nn.Module, names: Collection[str]) -> None:
    """Let exactly the parameters ``names`` of ``module`` receive gradients; freeze the rest.

    Args:
        module: Any module.
        names: Parameter names relative to ``module``.

    Raises:
        KeyError: A name is not a parameter of the module.
    """
    parameters = dict(module.named_parameters())
    unknown = sorted(set(names) - set(parameters))
    if unknown:
        raise KeyError(f'{type(module).__name__} has no parameter {", ".join(unknown)}')
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in names)


def unwrapped(model: Any) -> Any:
    """The model itself, out of its wrapper for several processes if it is in one."""
    return model.module if is_model_wrapper(model) else model


def matching(module: nn.Module, pattern: str) -> set[str]:
    """Names of the parameters of ``module`` in which the regular expression ``pattern`` is found.

    Raises:
        MammoError: There is none.
    """
    found = {name for name, _ in module.named_parameters() if re.search(pattern, name)}
    if not found:
        raise MammoError(
            f'trainable={pattern!r} is in no parameter name of {type(module).__name__}',
            f'a regular expression found in one, such as {next(iter(module.named_parameters()))[0]}',
        )
    return found


def frozen_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of ``module`` that are not trained, by name; empty ones left out."""
    parameters = module.named_parameters()
    return {name: p for name, p in parameters if not p.requires_grad and p.numel()}


def fingerprint(module: nn.Module) -> str:
    """SHA-256 of the names and values of the frozen parameters, as hexadecimal digits."""
    digest = hashlib.sha256()
    for name, parameter in sorted(frozen_parameters(module).items()):
        digest.update(name.encode())
        digest.update(parameter.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def count_parameters(module: nn.Module) -> tuple[int, int]:
    """Number of parameters of ``module``: (total, trained)."""
    sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
    return sum(n for n, _ in sizes), sum(n for n, trained in sizes if trained)
