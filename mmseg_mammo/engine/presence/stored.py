"""Stored presence: what a checkpoint keeps of the choice of its presence threshold, and its use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_mammo.engine.config.stored import plain_settings
from mmseg_mammo.engine.config.test_output import bare_model, has_presence, use_test_output
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import PRESENCE, read_record
from mmseg_mammo.models.test_output import OF_PRESENCE


def with_presence(record: Mapping[str, Any], runner: Any) -> dict[str, Any]:
    """The record of a checkpoint with the presence threshold that was chosen for its weights.

    Args:
        record: As of the beginning of the training.
        runner: Whose config and message hub have what the hook chose; nothing changes without.
    """
    facts = runner.message_hub.runtime_info.get(PRESENCE)
    if not facts:
        return dict(record)
    return {**record, PRESENCE: facts, 'config': plain_settings(runner.cfg)}


def use_stored_presence(cfg: Config, checkpoint: str | Path) -> None:
    """Take the presence settings of a checkpoint, where a config that is given beside it has none.

    Args:
        cfg: Changed in place, if its model has presence.
        checkpoint: A file; nothing changes if it has no record.
    """
    own = bare_model(cfg).get('test_output') or {} if cfg.get('model') else {}
    if not cfg.get('model') or not has_presence(cfg) or any(n in own for n in OF_PRESENCE):
        return
    model = ((_record(Path(checkpoint)) or {}).get('config') or {}).get('model') or {}
    stored = model.get('test_output') or {}
    found = {name: stored[name] for name in OF_PRESENCE if stored.get(name) is not None}
    if found:
        use_test_output(cfg, **found)
        said = ', '.join(f'{name} {value:.4g}' for name, value in found.items())
        print_log(f'{checkpoint}: its own {said} hold', 'current')


def presence_choice(cfg: Config, checkpoint: str | Path | None) -> dict[str, Any] | None:
    """How the presence threshold of a config was chosen, if it is the one of a checkpoint.

    Returns:
        Facts of the record; None where there are none, or where another threshold holds.
    """
    facts = (_record(Path(checkpoint)) or {}).get(PRESENCE) if checkpoint else None
    own = bare_model(cfg).get('test_output') or {}
    same = facts and all(facts.get(name) == own.get(name) for name in OF_PRESENCE)
    return dict(facts) if facts and same else None


def _record(checkpoint: Path) -> dict[str, Any] | None:
    try:
        return read_record(checkpoint)
    except MammoError:  # weights alone, of another program; who loads them says more
        return None
