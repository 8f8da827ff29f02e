"""Presence of a tuning: folds choose no threshold of it, which is said."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.test_output import describe_test_output, has_presence


def presence_facts(cfg: Config) -> dict[str, Any]:
    """What the record of a tuning says of the presence threshold; empty of a model without presence.

    Args:
        cfg: Of the tuning.
    """
    if not has_presence(cfg):
        return {}
    return {'presence_threshold': describe_test_output(cfg)['presence_threshold']}


def presence_in_words(facts: Mapping[str, Any]) -> str:
    """That the presence threshold is none of the folds, and how to set it, to end a line with.

    Args:
        facts: Of :func:`presence_facts`.
    """
    if not facts:
        return ''
    threshold = facts['presence_threshold']
    why = 'was chosen for its weights' if threshold else 'closes no image'
    return (
        f'. The presence threshold, {threshold:.4g}, is that of the start, and {why}: folds choose none. '
        'mammoseg calibrate sets it on images that were not trained on'
    )
