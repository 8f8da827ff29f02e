"""Cuts of a config: where its model cuts, and how it says enough of its logits to be cut anywhere."""

import math

from mmengine.config import Config

from mmseg_mammo.engine.config.test_output import bare_model, threshold_of, use_test_output
from mmseg_mammo.engine.validation.logit_counts import PROBE
from mmseg_mammo.evaluation.out_of_fold.held_out import place_of_logit


def at_probe(cfg: Config) -> None:
    """Let a model tell its logits apart where it is sure; its masks stay what they are."""
    before = threshold_of(cfg)
    scale = _temperature_of(cfg) / PROBE
    threshold = 1 / (1 + math.exp(-_logit(before) * scale)) if 0 < before < 1 else before
    use_test_output(cfg, threshold, PROBE)


def fixed_place(cfg: Config) -> int | None:
    """The cut of a model whose threshold cannot be chosen; None of any other."""
    if bare_model(cfg).get('prompts_from') != 'truth':
        return None
    return own_place(cfg)


def own_place(cfg: Config) -> int:
    """The place of the cut of a config's threshold, which is that of logits at its temperature."""
    return place_of_logit(_logit(threshold_of(cfg)) * _temperature_of(cfg))


def _temperature_of(cfg: Config) -> float:
    return float((bare_model(cfg).get('test_output') or {}).get('temperature', 1.0))


def _logit(probability: float) -> float:
    """Of 0 and 1 one beyond all cuts."""
    known = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(known / (1 - known))
