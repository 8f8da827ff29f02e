"""Type names: reduce a ``type`` of a config, name or class, to one comparable form."""

from collections.abc import Mapping
from typing import Any

from mmengine.registry import Registry

from mmseg_mammo.engine.config.registered import look_up


def type_name(kind: Any) -> str:
    """The bare name of what stands under ``type`` in a config; empty for nothing.

    Args:
        kind: A registered name, perhaps with a scope or the modules before it
            (``'mmpretrain.LoRAModel'``), or a class, as in the host's pure-Python configs.
    """
    if kind is None:
        return ''
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', str(kind))
    return name.rpartition('.')[2]


def class_of(kind: Any, registry: Registry) -> type | None:
    """The class that stands under ``type`` in a config; None for nothing, or what is unknown.

    Nothing is imported for it: the config may be that of a checkpoint.
    """
    found = look_up(kind, registry) if isinstance(kind, str) else kind
    return found if isinstance(found, type) else None


def is_a(kind: Any, base: type, registry: Registry) -> bool:
    """Whether what stands under ``type`` in a config is ``base`` or a class derived from it."""
    found = class_of(kind, registry)
    return found is not None and issubclass(found, base)


def with_names(value: Any) -> Any:
    """A copy of a config's value with bare names for its types, and lists for its tuples.

    So compared, a config in classes equals the one in names that the host keeps of it.
    """
    if isinstance(value, Mapping):
        found = {key: with_names(child) for key, child in value.items()}
        return found | ({'type': type_name(value['type'])} if 'type' in value else {})
    if isinstance(value, (list, tuple)):
        return [with_names(child) for child in value]
    return value
