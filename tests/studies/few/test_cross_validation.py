"""Cross-validation of a tuning: what a fold is trained and looked at with, and the step that is chosen."""

import numpy as np
import pytest
from few_tunings import tuning

from mmseg_mammo.evaluation.out_of_fold.held_out import (
    BINS,
    CUTS,
    RANGE,
    WIDTH,
    HeldOut,
    gain,
    write_held_out,
)
from mmseg_mammo.studies.few.cross_validation import (
    Division,
    choose,
    choose_steps,
    files_of,
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
        row = (int(counts[1].sum()), counts, np.full(len(CUTS), steps), False)
        rows = {name: (f's/{name}', *row) for name in ('a.png', 'b.png')}
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
    assert chosen.tuned.false_marks.tolist() == [20, 20]
    assert chosen.as_it_is.dice[0] == pytest.approx(2 * 10 / 29)


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


def noise(level, rng):
    """Twenty images in five folds, of whose 100 lesion pixels about ``level`` are found."""
    found = level + rng.integers(-25, 26, 20)
    counts = np.zeros((20, 2, BINS), np.int64)
    counts[:, 0, round((RANGE - 3) / WIDTH)] = 10_000
    counts[:, 1, round((RANGE + 3) / WIDTH)] = found
    counts[:, 1, round((RANGE - 3) / WIDTH)] = 100 - found
    names = np.array([f's/{n:02d}' for n in range(20)])
    marks = np.zeros((20, len(CUTS)))
    closed = np.zeros(20, bool)
    return HeldOut(names, names, np.arange(20) // 4, np.full(20, 100), counts, marks, closed)


def test_the_best_of_tunings_that_differ_by_chance_from_the_start_gains_nothing(cfg):
    """Three tunings of three steps, each a start with noise; the told gain is that of all nine."""
    rng = np.random.default_rng(0)
    steps_alone, honest = [], []
    for _ in range(40):
        level = rng.integers(30, 70, 20)
        start = noise(level, rng)
        looks = [{0: start, **{n: noise(level, rng) for n in (10, 20, 30)}} for _ in range(3)]
        alone = [choose(cfg, each) for each in looks]
        steps_alone.append(max(gain(each.tuned, each.scores[0]).value for each in alone))
        best = choose(cfg, looks[0], looks)
        honest.append(gain(best.tuned, best.scores[0]).value)
    assert np.mean(steps_alone) > 2  # percent: the best tuning has the luck of its images
    assert abs(np.mean(honest)) < 1


def test_a_start_is_kept_as_it_is_where_folds_cut_it_worse(cfg):
    """Two folds want a low cut and three a high one, so that each is cut as the others are."""
    counts = np.zeros((20, 2, BINS), np.int64)
    counts[:, 0, round((RANGE - 3) / WIDTH)] = 10_000
    counts[:, 1, round((RANGE + 3) / WIDTH)] = 100
    counts[:8, 1, round((RANGE + 0.5) / WIDTH)] = 30
    counts[8:, 0, round((RANGE + 0.5) / WIDTH)] = 20
    names, marks = np.array([f's/{n:02d}' for n in range(20)]), np.zeros((20, len(CUTS)))
    lesion, closed = counts[:, 1].sum(axis=1), np.zeros(20, bool)
    start = HeldOut(names, names, np.arange(20) // 4, lesion, counts, marks, closed)
    kept = choose(cfg, {0: start, 10: noise(np.full(20, 30), np.random.default_rng(0))})
    assert (kept.steps, kept.after) == (0, 10)
    assert kept.as_it_is.mean() > kept.scores[0].mean()
    assert kept.start is kept.as_it_is
    assert np.isclose(CUTS[kept.place], 0)


def test_a_tuning_that_is_best_in_all_folds_keeps_its_gain(cfg):
    rng = np.random.default_rng(0)
    worse, better = (
        {0: noise(np.full(20, 30), rng), 10: noise(np.full(20, level), rng)} for level in (40, 70)
    )
    chosen = choose(cfg, better, [worse, better])
    assert chosen.steps == 10
    assert np.array_equal(chosen.tuned.dice, chosen.scores[10].dice)


def test_a_step_that_one_fold_has_not_reached_does_not_count(division, cfg):
    for steps, level in ((0, 1), (10, 5), (20, 9)):
        put(division, steps, level)
    files_of(division, 20)[1].unlink()
    assert choose_steps(cfg, division).steps == 10


def test_a_fold_keeps_one_checkpoint_and_no_best_one(cfg, prepared, tmp_path):
    own = tuned_fold(cfg, Division((prepared, 'index.csv'), FOLDS, 3, tmp_path / 'w'), 1)
    saver = own.default_hooks.checkpoint
    assert (saver.interval, saver.by_epoch, saver.max_keep_ckpts) == (2, False, 1)
    assert saver.get('save_best') is None
    assert own.custom_hooks[-1].type == 'HeldOutHook'
    assert own.default_hooks.console.checkpoints is False  # they are removed
    assert own.work_dir == own.visualizer.name == str(tmp_path / 'w' / 'fold_1')
