"""Held-out images: Dice at every cut as counted by hand, and cuts of the other folds."""

import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.out_of_fold.held_out import (
    BINS,
    CUTS,
    RANGE,
    WIDTH,
    HeldOut,
    best_place,
    cross_fitted,
    gain,
    place_of_logit,
    read_held_out,
    write_held_out,
)


def counts_of(background, lesion):
    """2×K counts of logits."""
    found = np.zeros((2, BINS), np.int64)
    for kind, logits in enumerate((background, lesion)):
        np.add.at(found[kind], ((np.asarray(logits) + RANGE) / WIDTH).astype(int), 1)
    return found


def held_of(images, folds=None):
    """Images of one patient each: logits of background and lesion."""
    names = np.array([f'{n}.png' for n in range(len(images))])
    patients = np.array([f's/{n}' for n in range(len(images))])
    numbers = np.array(folds or range(1, len(images) + 1))
    lesion = np.array([len(one[1]) for one in images])
    return HeldOut(names, patients, numbers, lesion, np.stack([counts_of(*one) for one in images]))


def dice(background, lesion, cut):
    right, wrong = sum(np.array(lesion) > cut), sum(np.array(background) > cut)
    if not len(lesion):
        return float(wrong == 0)
    return 2 * right / (right + wrong + len(lesion))


def test_dice_at_each_cut_is_that_of_the_masks():
    rng = np.random.default_rng(0)
    images = [
        (rng.normal(-2, 2, 300).round(2) + 0.005, rng.normal(1, 2, size).round(2) + 0.005)
        for size in (40, 10, 0)
    ]
    held = held_of(images)
    for place in range(0, len(CUTS), 7):
        expected = [dice(*one, CUTS[place]) for one in images]
        assert held.dice[:, place] == pytest.approx(expected)


def test_an_image_is_cut_where_the_other_folds_are_cut_best():
    low = ([-3.0] * 50, [-1.0] * 10)  # best between -3 and -1
    high = ([1.0] * 50, [3.0] * 10)
    held = held_of([low, low, high], folds=[1, 2, 3])
    found = cross_fitted(held)
    assert found.dice[2] == pytest.approx(2 * 10 / (50 + 10 + 10))  # cut between -3 and -1
    assert found.dice[:2].tolist() == [1, 1]
    fixed = cross_fitted(held, place_of_logit(2.0))
    assert fixed.dice.tolist() == [0, 0, 1]


def test_a_normal_image_is_right_where_nothing_is_marked():
    held = held_of([([-3.0] * 50, [3.0] * 10), ([1.0] * 50, [])], folds=[1, 2])
    assert held.dice[1, place_of_logit(0.0)] == 0
    assert held.dice[1, place_of_logit(2.0)] == 1
    assert 1 < CUTS[held.best_cut()] < 3
    scores = cross_fitted(held, held.best_cut())
    assert scores.of_lesions().value == 100
    assert scores.of_all().value == 100


def test_pixels_outside_the_breast_count_as_missed():
    held = held_of([([-3.0] * 50, [3.0] * 10)])
    more = HeldOut(held.images, held.patients, held.folds, held.lesion + 10, held.counts)
    assert more.dice[0, place_of_logit(0.0)] == pytest.approx(2 * 10 / 30)


def test_the_gain_is_paired_by_patient():
    start = held_of([([-3.0] * 50, [-3.0] * 5 + [3.0] * 5)] * 8)
    tuned = held_of([([-3.0] * 50, [3.0] * 10)] * 4 + [([-3.0] * 50, [-3.0] * 5 + [3.0] * 5)] * 4)
    place = place_of_logit(0.0)
    won = gain(cross_fitted(tuned, place), cross_fitted(start, place))
    one = 100 * (1 - 2 / 3)
    assert won.value == pytest.approx(one / 2)
    assert 0 <= won.low < won.value < won.high <= one + 1e-9


def test_the_temperature_is_that_of_the_pixels():
    sure = held_of([([-8.0] * 90 + [8.0] * 10, [8.0] * 90 + [-8.0] * 10)])
    assert sure.temperature() == pytest.approx(8 / np.log(9), rel=1e-2)
    assert held_of([([-3.0] * 5, [])]).temperature() == 1


def test_a_cut_that_marks_nothing_is_none_however_many_images_are_normal():
    held = held_of([([-3.0] * 50, [2.0] * 9 + [-5.0])] + [([3.0] * 5, [])] * 9)
    assert held.dice[:, -1].mean() == 0.9
    assert held.dice[0, held.best_cut()] > 0.8


def test_the_middle_of_a_plateau_is_best():
    assert best_place(np.array([0, 1, 1, 1, 1, 0.5])) == 2
    assert best_place(np.array([1.0])) == 0


def test_files_keep_what_is_written_and_have_images_of_the_data_alone(tmp_path):
    counts = counts_of([1.0, -1.0], [2.0])
    write_held_out(tmp_path / 'a' / '1.npz', {'b.png': ('s/B', 1, counts)})
    write_held_out(tmp_path / 'a' / '2.npz', {'a.png': ('s/A', 1, counts)})
    files = [tmp_path / 'a' / f'{n}.npz' for n in (1, 2)]
    held = read_held_out(files, {'a.png': 2, 'b.png': 1})
    assert held.images.tolist() == ['a.png', 'b.png']
    assert held.patients.tolist() == ['s/A', 's/B']
    assert held.folds.tolist() == [2, 1]
    assert np.array_equal(held.counts[0], counts)
    with pytest.raises(DataFileError, match=r"1\.npz: image 'b\.png' is not in the data"):
        read_held_out(files, {'a.png': 2})


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / 'x.npz').write_bytes(b'PK')
    with pytest.raises(DataFileError, match=r'x\.npz: not readable'):
        read_held_out([tmp_path / 'x.npz'], {})
    write_held_out(tmp_path / 'y.npz', {'a.png': ('s/A', 1, counts_of([1.0], []))})
    (tmp_path / 'y.npz').write_bytes((tmp_path / 'y.npz').read_bytes()[:-30])
    with pytest.raises(DataFileError, match=r'y\.npz: not readable'):
        read_held_out([tmp_path / 'y.npz'], {'a.png': 1})


def test_folds_without_a_lesion_do_not_choose_to_mark_nothing():
    """Two patients, one with lesions that are told apart without fail."""
    counts = np.zeros((4, 2, BINS), np.int64)
    counts[:, 0, round((RANGE - 3) / WIDTH)] = 100
    counts[:2, 1, round((RANGE + 3) / WIDTH)] = 10
    names = np.array(['a', 'b', 'c', 'd'])
    held = HeldOut(names, names, np.array([1, 1, 2, 2]), np.array([10, 10, 0, 0]), counts)
    assert cross_fitted(held).dice.tolist() == [1, 1, 1, 1]
    assert cross_fitted(held, default=place_of_logit(8.0)).dice.tolist() == [0, 0, 1, 1]
