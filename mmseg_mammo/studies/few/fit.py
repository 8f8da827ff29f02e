"""Fit of a tuning to few images: steps, threshold and temperature by folds, then all images."""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config

from mmseg_mammo.engine.config.stored import plain_settings, read_stored_config
from mmseg_mammo.engine.config.test_output import threshold_of, use_test_output
from mmseg_mammo.engine.few.start import few_config
from mmseg_mammo.engine.provenance import config_hash
from mmseg_mammo.engine.steps.journal import ASKED, Journal, tell
from mmseg_mammo.engine.steps.trainings import Train, in_one_process, last_of, train_once
from mmseg_mammo.engine.steps.whole import describe_whole
from mmseg_mammo.engine.work_dir import hold_for_training, is_first_process
from mmseg_mammo.evaluation.bootstrap import Estimate
from mmseg_mammo.evaluation.out_of_fold.held_out import CUTS, gain
from mmseg_mammo.io.checkpoint_record import FEW, add_record, read_record
from mmseg_mammo.io.files import sha256, write_atomic
from mmseg_mammo.io.run_folder import BEST
from mmseg_mammo.models.safe_loading import load_plain
from mmseg_mammo.studies.few.cross_validation import (
    Chosen,
    Division,
    check_tuned,
    choose_steps,
    cross_validate,
    keep_last_alone,
    look_at_start,
)
from mmseg_mammo.studies.few.fold_configs import dataset_of, learned_rows, place_of, use_part
from mmseg_mammo.studies.few.parts import make_folds

JOURNAL = 'few.json'
START, TUNED = 'start', 'tuned'


class Fitted(NamedTuple):
    """A tuning that is finished; Dice is that of held-out images with a lesion, in percent.

    Attributes:
        checkpoint: ``best.pth``.
        steps: That all images were trained for; 0: the start is kept.
        start: Dice of the start.
        tuned: Dice of the best number of steps above 0.
        gain: ``tuned`` − ``start``, paired by patient.
    """

    checkpoint: Path
    steps: int
    start: Estimate
    tuned: Estimate
    gain: Estimate


def fit_few(
    cfg: Config,
    start: Path,
    data_root: Path,
    work_dir: Path,
    *,
    ann_file: str = 'index.csv',
    folds: int = 5,
    seed: int = 0,
    train: Train,
    new_head: bool = False,
    resume: bool = True,
) -> Fitted:
    """Tune a checkpoint on few images; where folds say that it gains nothing, keep it.

    The annotated images of the splits train and val are divided by patient. The number of steps,
    one for all folds, is that of the best mean Dice of held-out images; threshold and temperature
    are chosen on them. Then all images are trained on for that many steps. Images of the split test
    are never looked at.

    Args:
        cfg: A few-config.
        start: Checkpoint.
        data_root: Prepared folder.
        work_dir: Gets ``best.pth``, and what leads to it.
        ann_file: Index below ``data_root``, or the path of a part (:func:`.write_part`).
        folds: Number of folds; of fewer patients as many as there are.
        seed: Of the folds.
        train: Trains one config, and goes on with it if the second argument says so.
        new_head: Whether the decode head starts at random.
        resume: Whether to go on with what the work folder holds.

    Raises:
        MammoError: The config does not fit the start, there is only one patient, or the work folder
            holds another training.
    """
    full = few_config(cfg, start, data_root, ann_file=ann_file, new_head=new_head)
    for key in ('launcher', 'device'):
        if cfg.get(key):
            full[key] = cfg[key]
    tuning = open_tuning(full, start, work_dir, folds, seed, resume)
    for _ in cross_validate(full, tuning.division, resume, train, tuning.journal):
        pass
    return finish(tuning, choose_steps(full, tuning.division), resume, train)


class Tuning(NamedTuple):
    """A tuning that has begun: its complete config, its start, its folds and its journal."""

    cfg: Config
    start: Path
    division: Division
    journal: Journal
    seed: int


def open_tuning(
    full: Config, start: Path, work_dir: Path, folds: int, seed: int, resume: bool
) -> Tuning:
    """Divide the images, and look at the start.

    Args:
        full: Config of the training.
        start: Checkpoint.
        work_dir: Of the tuning.
        folds: See :func:`fit_few`.
        seed: Of the folds.
        resume: See :func:`fit_few`.
    """
    check_tuned(full)
    dataset = dataset_of(full)
    data, rows = place_of(dataset), learned_rows(dataset)
    count = max(2, min(folds, len({row.patient_id for row in rows})))
    division = Division(data, make_folds(rows, count, seed), count, work_dir)
    asked = {
        'folds': count,
        'seed': seed,
        'index': sha256(data[0] / data[1]),
        'start': sha256(start),
        'config': config_hash(full),
    }
    hold_for_training(work_dir)
    journal = Journal(work_dir, JOURNAL)
    if is_first_process():
        journal.begin(resume, asked)
        if journal.facts('divided') is None:
            journal.finish('divided', {ASKED: asked, 'images': len(rows)})
    look_at_start(full, start, division, journal)
    return Tuning(full, start, division, journal, seed)


def finish(tuning: Tuning, chosen: Chosen, resume: bool, train: Train) -> Fitted:
    """Train on all images, or keep the start, and write ``best.pth``.

    Args:
        tuning: Whose folds are finished.
        chosen: Of them.
        resume: See :func:`fit_few`.
        train: Trains one config.
    """
    division = tuning.division
    checkpoint = division.work_dir / BEST
    source = tuning.start
    if chosen.steps:
        final = final_config(tuning.cfg, division, chosen.steps)
        train_once('final', final, resume, train, tuning.journal, last_of)
        source = last_of(final)
    facts = describe_fit(tuning, chosen)

    def write() -> dict[str, Any]:
        return write_fitted(checkpoint, source, chosen, facts)

    in_one_process('written', tuning.journal, write)
    tell(in_words(facts))
    return fitted_of(checkpoint, chosen)


def fitted_of(checkpoint: Path, chosen: Chosen) -> Fitted:
    """What a choice comes to."""
    start, best = chosen.scores[0], chosen.scores[best_above(chosen)]
    won = gain(best, start)
    return Fitted(checkpoint, chosen.steps, start.of_lesions(), best.of_lesions(), won)


def best_above(chosen: Chosen) -> int:
    """The best number of steps above 0; 0 if none was validated."""
    above = [steps for steps in chosen.scores if steps]
    return max(above, key=lambda steps: chosen.scores[steps].mean(), default=0)


def final_config(cfg: Config, division: Division, steps: int) -> Config:
    """The config of the training on all images, without validation."""
    own = copy.deepcopy(cfg)
    use_part(own, division.every('train'), ('train',))
    own.work_dir = str(division.work_dir / 'final')
    own.experiment_name = f'final of {division.work_dir.resolve()}'
    if own.get('visualizer'):
        own.visualizer.name = own.work_dir
    keep_last_alone(own)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        own[key] = None
    own.custom_hooks = [*(own.get('custom_hooks') or []), dict(type='StopAtStepHook', steps=steps)]
    return own


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
        'best_steps': best_above(chosen),
        'images': {
            'lesion': int((held.lesion > 0).sum()),
            'normal': int((held.lesion == 0).sum()),
            'patients': len(set(held.patients.tolist())),
        },
        'start_dice': _as_facts(fitted.start),
        'tuned_dice': _as_facts(fitted.tuned),
        'gain': _as_facts(fitted.gain),
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
    use_test_output(cfg, threshold, temperature)
    record = read_record(source) or describe_whole(cfg, {START: {}}, START)
    record = {
        **record,
        'config': plain_settings(cfg),
        'threshold': threshold_of(cfg),
        FEW: {**(record.get(FEW) or {}), **facts, 'threshold': threshold, 'temperature': temperature},
    }
    found = load_plain(source)
    meta = {**found.get('meta', {}), 'cfg': cfg.pretty_text}
    content = {'meta': meta, 'state_dict': found['state_dict']}

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
    said = (
        f'out of fold, on {images["lesion"]} images with a lesion and {images["normal"]} normal ones '
        f'of {images["patients"]} patients: lesion Dice {start:.1f} of the start, {tuned:.1f} after '
        f'{facts["best_steps"]} steps: {won["value"]:+.1f}{sure}'
    )
    if facts['kept'] == START:
        return f'{said}. Tuning gains nothing: the start is kept, with its threshold set anew'
    return said
