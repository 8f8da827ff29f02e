"""Fitted: what a tuning came to, in words, in a record, and as a checkpoint with its own threshold."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mmseg_mammo.engine.config.stored import plain_settings, read_stored_config
from mmseg_mammo.engine.config.test_output import threshold_of, use_trained_output
from mmseg_mammo.engine.steps.whole import describe_whole
from mmseg_mammo.evaluation.bootstrap import Estimate
from mmseg_mammo.evaluation.out_of_fold.false_marks import (
    AS_IT_IS,
    START,
    TUNED,
    describe_false_marks,
    false_marks_in_words,
)
from mmseg_mammo.evaluation.out_of_fold.held_out import CUTS, gain
from mmseg_mammo.io.checkpoint_record import FEW, add_record, read_record
from mmseg_mammo.io.files import sha256, write_atomic
from mmseg_mammo.io.run_folder import BEST
from mmseg_mammo.models.safe_loading import load_plain
from mmseg_mammo.studies.few.cross_validation import Chosen
from mmseg_mammo.studies.few.tuning import Tuning

# Of a checkpoint, what only a training that goes on needs.
_OF_TRAINING = ('optimizer', 'param_schedulers', 'message_hub', 'ema_state_dict')


class Fitted(NamedTuple):
    """A tuning that is finished; Dice is that of held-out images with a lesion, in percent.

    Attributes:
        checkpoint: ``best.pth``.
        steps: That all images were trained for; 0: the start is kept.
        start: Dice of the start.
        tuned: Dice after the steps above 0 that the other folds choose (:attr:`.Chosen.tuned`).
        gain: ``tuned`` − ``start``, paired by patient.
    """

    checkpoint: Path
    steps: int
    start: Estimate
    tuned: Estimate
    gain: Estimate


def fitted_of(checkpoint: Path, chosen: Chosen) -> Fitted:
    """What a choice comes to."""
    start, tuned = chosen.start, chosen.tuned
    won = gain(tuned, start)
    return Fitted(checkpoint, chosen.steps, start.of_lesions(), tuned.of_lesions(), won)


def describe_fit(tuning: Tuning, chosen: Chosen) -> dict[str, Any]:
    """What the record of ``best.pth`` says of the folds."""
    fitted = fitted_of(Path(BEST), chosen)
    held = chosen.held
    curve = [
        [steps, round(100 * one.mean(), 3), round(one.of_lesions().value, 3)]
        for steps, one in chosen.scores.items()
    ]
    return {
        'start': {'file': tuning.start.name, 'sha256': sha256(tuning.start)},
        'kept': TUNED if chosen.steps else START,
        'folds': tuning.division.count,
        'seed': tuning.seed,
        'steps': chosen.steps,
        'best_steps': chosen.after,
        'start_as_it_is': chosen.start is chosen.as_it_is,
        'images': {
            'lesion': int((held.lesion > 0).sum()),
            'normal': int((held.lesion == 0).sum()),
            'patients': len(set(held.patients.tolist())),
        },
        'start_dice': _as_facts(fitted.start),
        'start_dice_as_it_is': _as_facts(chosen.as_it_is.of_lesions()),
        'tuned_dice': _as_facts(fitted.tuned),
        'gain': _as_facts(fitted.gain),
        'false_marks': {
            AS_IT_IS: describe_false_marks(chosen.as_it_is),
            START: describe_false_marks(chosen.start),
            TUNED: describe_false_marks(chosen.tuned),
        },
        'curve': curve,
    }


def _as_facts(estimate: Estimate) -> dict[str, float]:
    return {name: getattr(estimate, name) for name in ('value', 'low', 'high')}


def write_fitted(
    path: Path, source: Path, chosen: Chosen, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Write a checkpoint again, with the threshold and the temperature that folds chose.

    Args:
        path: The new file.
        source: Checkpoint with the weights.
        chosen: By the folds.
        facts: For its record.

    Returns:
        Facts of the file.
    """
    cfg = read_stored_config(source)
    temperature = chosen.held.temperature()
    threshold = 1 / (1 + math.exp(-float(CUTS[chosen.place]) / temperature))
    use_trained_output(cfg, threshold, temperature)
    record = read_record(source) or describe_whole(cfg, {START: {}}, START)
    record = {
        **record,
        'config': plain_settings(cfg),
        'threshold': threshold_of(cfg),
        FEW: {
            **(record.get(FEW) or {}),
            **facts,
            'threshold': threshold,
            'temperature': temperature,
        },
    }
    found = load_plain(source)
    meta = {**found.get('meta', {}), 'cfg': cfg.pretty_text}
    content = {key: value for key, value in found.items() if key not in _OF_TRAINING}
    content = {**content, 'meta': meta, 'state_dict': found['state_dict']}

    def write(stream: Any) -> None:
        torch.save(content, stream)
        add_record(stream, record)

    write_atomic(path, write)
    return {'checkpoint': path.name, 'sha256': sha256(path)}


def in_words(facts: Mapping[str, Any]) -> str:
    """What the folds say of a tuning, in a sentence."""
    images, won = facts['images'], facts['gain']
    start, tuned = (facts[name]['value'] for name in ('start_dice', 'tuned_dice'))
    sure = f' ({won["low"]:+.1f} to {won["high"]:+.1f})' if won['low'] == won['low'] else ''
    if won['low'] <= 0 < won['value']:
        sure += ', which may be chance'
    all_images = '' if facts['kept'] == START else f' ({facts["best_steps"]} on all images)'
    as_it_is = facts.get('start_as_it_is')
    own = ' at its own threshold' if as_it_is else ''
    if not as_it_is and (before := facts.get('start_dice_as_it_is')):
        own = f' ({before["value"]:.1f} at its own threshold)'
    said = (
        f'out of fold, on {images["lesion"]} images with a lesion and {images["normal"]} normal ones '
        f'of {images["patients"]} patients: lesion Dice {start:.1f} of the start{own}, {tuned:.1f} tuned '
        f'for as many steps as the other folds choose{all_images}: {won["value"]:+.1f}{sure}; '
        f'each fold is cut where the others choose; {false_marks_in_words(facts)}'
    )
    if facts['kept'] == START:
        how = 'at its own threshold' if as_it_is else 'with its threshold set anew'
        return f'{said}. Tuning gains nothing: the start is kept, {how}'
    return said
