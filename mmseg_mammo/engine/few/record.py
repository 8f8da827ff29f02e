"""Record of a tuning: what it started from, and how much of the model it trained."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmseg_mammo.io.checkpoint_record import TUNING
from mmseg_mammo.models.peft.trainable import count_parameters


def describe_tuning(cfg: Mapping[str, Any], model: nn.Module) -> dict[str, Any]:
    """The field ``tuning`` of a record; nothing for a training that is none.

    Args:
        cfg: Of the training, with its ``StartHook``.
        model: That is trained.

    Returns:
        ``start`` (name and SHA-256), ``parameters`` in all and ``trained`` of them, and
        regular expressions of the names of ``new`` weights.
    """
    hook = (cfg.get('default_hooks') or {}).get('start')
    if not hook:
        return {}
    total, trained = count_parameters(model)
    start = {'name': hook.get('name'), 'sha256': hook.get('sha256')}
    found = {
        'start': start,
        'parameters': total,
        'trained': trained,
        'new': list(hook.get('new') or ()),
    }
    return {TUNING: found}
