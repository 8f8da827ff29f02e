"""Trainable parameters: selects, freezes, guards and counts them."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmpretrain.models import LoRAModel
from mmpretrain.models.peft.lora import LoRALinear
from torch import nn

from mmseg_mammo.errors import CheckpointError, MammoError


@runtime_checkable
class Pretrained(Protocol):
    """A module that trains a part of itself, on top of weights from a file.

    A backbone that has these four needs no other mention in this package: checkpoints may leave
    its frozen weights out, and ``--side`` knows which inputs it takes.

    Attributes:
        pretrained: The file; None where the weights start at random.
    """

    pretrained: str | None

    def load_base(self) -> None:
        """Load the weights from :attr:`pretrained`."""

    def tuned_parameters(self) -> set[str]:
        """Names of the parameters that are trained, relative to the module."""
        ...

    @staticmethod
    def side_multiple(settings: Mapping[str, Any]) -> int:
        """What the side of an input has to be a multiple of, in pixels.

        Args:
            settings: Arguments of the constructor as the config gives them. No model is built.
        """
        ...


def pretrained_parts(module: nn.Module) -> Iterator[Any]:
    """The parts of ``module``, itself included, that are :class:`Pretrained` and name a file.

    A part with LoRA (mmpretrain's ``LoRAModel``) is left out: it reads the file when it is built.
    """
    if isinstance(module, LoRAModel):
        return
    if isinstance(module, Pretrained) and module.pretrained:
        yield module
    for child in module.children():
        yield from pretrained_parts(child)


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
    """The model itself, out of its wrappers for several processes and for test-time augmentation.

    The same that mmengine looks through when it loads a checkpoint.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


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


def guard_frozen(module: nn.Module) -> None:
    """Let ``module`` refuse a state dict that has none of its frozen parameters.

    Other loaders than this project's, such as mmseg's ``init_model``, read checkpoints that were
    saved without them as if they were whole, and would leave random weights behind.
    """
    # The hook is told its module: a closure would keep the original alive in its deep copies.
    module._register_load_state_dict_pre_hook(_refuse_without_frozen, with_module=True)


def _refuse_without_frozen(
    module: nn.Module, state: Mapping[str, Any], prefix: str, *_: Any
) -> None:
    frozen = frozen_parameters(module)
    in_lora = any('.lora_' in name for name, _ in module.named_parameters())
    if frozen and not in_lora and not any(prefix + name in state for name in frozen):
        raise CheckpointError(
            f'The checkpoint has none of the {len(frozen)} frozen weights of '
            f'{type(module).__name__}',
            'a whole checkpoint',
            'Make one with mammoseg export, or load it with mmseg_mammo.load_model',
        )


def fingerprint(module: nn.Module) -> str:
    """SHA-256 of the names and values of the frozen parameters, as hexadecimal digits.

    With LoRA also of its scaling alpha / rank, which is no parameter but what the trained
    matrices are multiplied by.
    """
    digest = hashlib.sha256()
    for name, parameter in sorted(frozen_parameters(module).items()):
        digest.update(name.encode())
        digest.update(parameter.detach().cpu().contiguous().numpy().data)
    for name, layer in module.named_modules():
        if isinstance(layer, LoRALinear):
            digest.update(f'{name}.scaling={layer.scaling!r}'.encode())
    return digest.hexdigest()


def count_parameters(module: nn.Module) -> tuple[int, int]:
    """Number of parameters of ``module``: (total, trained)."""
    sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
    return sum(n for n, _ in sizes), sum(n for n, trained in sizes if trained)
