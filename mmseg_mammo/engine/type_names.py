"""Types of a config compared alike, whether it names them or holds the classes themselves."""

from typing import Any


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
