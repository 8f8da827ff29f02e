"""No-op hook: a config puts it in the place of an inherited hook, to switch that off."""

from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS


@HOOKS.register_module()
class NoHook(Hook):
    """Do nothing: ``default_hooks.ema.type=NoHook`` switches averaging off, and so on.

    mmengine's runner takes ``None`` in the place of its own hooks only and fails on any other; this
    works for all of them, and with MMSegmentation's own tools.

    Args:
        ignored: What is left of the settings of the hook that was inherited.
    """

    def __init__(self, **ignored: Any) -> None: ...
