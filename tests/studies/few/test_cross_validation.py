"""Cross-validation of a tuning: what a fold is trained and looked at with, and the step that is chosen."""

import numpy as np
import pytest
from experiments import shrink
from few_tunings import tuning

from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.out_of_fold.held_out import BINS, RANGE, WIDTH, write_held_out
from mmseg_mammo.studies.few.cross_validation import (
    Division,
    at_probe,
    check_tuned,
    choose_steps,
    files_of,
    fixed_place,
    tuned_fold,
)

FOLDS = {f'images/{number}.png': 1 + number // 2 for number in range(6)}


@pytest.fixture
def division(prepared, tmp_path):
    return Division((prepared, 'index.csv'), {'a.png': 1, 'b.png': 2}, 2, tmp_path)


@pytest.fixture
def cfg(start, prepared, tmp_path):
    return tuning('unet_full', start, prepared, tmp_path / 'work')


def put(division, steps, level):
    """What the models of a step say: lesions at ``level``, background at -2."""
    counts = np.zeros((2, BINS), np.int64)
    counts[0, int((-2 + RANGE) / WIDTH)] = 100
    counts[1, int((level + RANGE) / WIDTH)] = 10
    counts[1, int((-5 + RANGE) / WIDTH)] = 10 - min(10, int(level))
    for file in files_of(division, steps):
        rows = {name: (f's/{name}', int(counts[1].sum()), counts) for name in ('a.png', 'b.png')}
        own = (
            rows
            if steps == 0
            else {n: r for n, r in rows.items() if f'fold_{division.folds[n]}' in str(file)}
        )
        write_held_out(file, own)


def test_the_step_of_the_best_mean_is_one_for_all_folds(division, cfg):
    for steps, level in ((0, 1), (10, 5), (20, 9), (30, 3)):
        put(division, steps, level)
    chosen = choose_steps(cfg, division)
    assert chosen.steps == 20
    assert list(chosen.scores) == [0, 10, 20, 30]


def test_of_equal_steps_the_fewer_are_taken_and_the_start_first(division, cfg):
    for steps in (0, 10, 20):
        put(division, steps, 5)
    assert choose_steps(cfg, division).steps == 0


def test_a_step_that_is_best_by_one_fold_alone_does_not_replace_the_start(division, cfg):
    """Each of two steps is good for one fold; by the other fold nobody would have known which."""
    for steps, level in ((0, 6), (10, 9), (20, 5)):
        put(division, steps, level)
    good, bad = files_of(division, 10)[1], files_of(division, 20)[1]
    better = good.read_bytes()
    good.write_bytes(bad.read_bytes())
    bad.write_bytes(better)
    chosen = choose_steps(cfg, division)
    assert chosen.scores[10].mean() > chosen.scores[0].mean()
    assert chosen.tuned.mean() < chosen.scores[0].mean()
    assert chosen.steps == 0


def test_a_step_that_one_fold_has_not_reached_does_not_count(division, cfg):
    for steps, level in ((0, 1), (10, 5), (20, 9)):
        put(division, steps, level)
    files_of(division, 20)[1].unlink()
    assert choose_steps(cfg, division).steps == 10


def test_the_masks_of_a_validation_stay_what_they_are(cfg):
    before = threshold_of(cfg)
    at_probe(cfg)
    output = cfg.model.test_output
    assert output.temperature == 8
    own, probed = (np.log(value / (1 - value)) for value in (before, output.threshold))
    assert probed * 8 == pytest.approx(own, abs=1e-9)


def test_a_fold_keeps_one_checkpoint_and_no_best_one(cfg, prepared, tmp_path):
    own = tuned_fold(cfg, Division((prepared, 'index.csv'), FOLDS, 3, tmp_path / 'w'), 1)
    saver = own.default_hooks.checkpoint
    assert (saver.interval, saver.by_epoch, saver.max_keep_ckpts) == (2, False, 1)
    assert saver.get('save_best') is None
    assert own.custom_hooks[-1].type == 'HeldOutHook'
    assert own.default_hooks.console.checkpoints is False  # they are removed
    assert own.work_dir == str(tmp_path / 'w' / 'fold_1')


def test_a_training_by_epochs_is_refused(prepared, cfg):
    with pytest.raises(MammoError, match='EpochBasedTrainLoop'):
        check_tuned(shrink('unet_strong_cbis', prepared, 'work'))
    check_tuned(cfg)
    cfg.param_scheduler = [dict(type='ReduceOnPlateauLR', monitor='val_loss')]
    with pytest.raises(MammoError, match='follows the validation'):
        check_tuned(cfg)


def test_a_threshold_that_the_truth_helps_to_find_is_not_chosen(cfg):
    assert fixed_place(cfg) is None
    cfg.model.prompts_from = 'truth'
    assert fixed_place(cfg) is not None
