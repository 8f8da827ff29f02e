"""Held-out images: Dice at every cut as counted by hand, and cuts of the other folds."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.out_of_fold.held_out import (
    BINS,
    CUTS,
    RANGE,
    WIDTH,
    HeldOut,
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
    counts = np.stack([counts_of(*one) for one in images])
    closed = np.zeros(len(images), bool)
    return HeldOut(names, patients, numbers, lesion, counts, false_marks_of(images), closed)


def false_marks_of(images):
    """One mark for each pixel of the background that is marked."""
    return np.stack([(np.array(one[0])[:, None] > CUTS).sum(axis=0) for one in images])


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
    held = held_of([*[low] * 6, high])
    found = cross_fitted(held)
    assert found.dice[6] == pytest.approx(2 * 10 / (50 + 10 + 10))  # cut between -3 and -1
    assert found.dice[:6].tolist() == [1] * 6
    fixed = cross_fitted(held, place_of_logit(2.0))
    assert fixed.dice.tolist() == [0] * 6 + [1]


def test_a_normal_image_is_right_where_nothing_is_marked():
    held = held_of([([-3.0] * 50, [3.0] * 10), ([1.0] * 50, [])], folds=[1, 2])
    assert held.dice[1, place_of_logit(0.0)] == 0
    assert held.dice[1, place_of_logit(2.0)] == 1
    assert 1 < CUTS[held.at_cuts.best()] < 3
    scores = cross_fitted(held, held.at_cuts.best())
    assert scores.of_lesions().value == 100
    assert scores.of_all().value == 100


def test_pixels_outside_the_breast_count_as_missed():
    held = held_of([([-3.0] * 50, [3.0] * 10)])
    more = replace(held, lesion=held.lesion + 10)
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
    assert held.dice[0, held.at_cuts.best()] > 0.8


def test_false_marks_are_those_at_the_cut_of_the_dice():
    low = ([-3.0] * 50, [-1.0] * 10)
    high = ([1.0] * 50, [3.0] * 10)
    found = cross_fitted(held_of([*[low] * 6, high]))
    assert found.false_marks.tolist() == [0] * 6 + [50]


def test_a_closed_image_is_an_empty_mask_at_every_cut_and_keeps_its_logits():
    found = held_of([([-3.0] * 50, [3.0] * 10), ([1.0] * 50, [3.0] * 10), ([1.0] * 50, [])])
    held = replace(found, closed=np.array([False, True, True]))
    assert held.at_cuts.dice[0].tolist() == found.at_cuts.dice[0].tolist()
    assert not held.at_cuts.dice[1].any()
    assert held.at_cuts.dice[2].all()
    assert found.false_marks[1:].any()
    assert not held.at_cuts.false_marks[1:].any()
    assert held.temperature() == found.temperature()


def test_files_keep_what_is_written_and_have_images_of_the_data_alone(tmp_path):
    counts, marks = counts_of([1.0, -1.0], [2.0]), np.arange(len(CUTS))
    write_held_out(tmp_path / 'a' / '1.npz', {'b.png': ('s/B', 1, counts, marks, True)})
    write_held_out(tmp_path / 'a' / '2.npz', {'a.png': ('s/A', 1, counts, marks + 1, False)})
    files = [tmp_path / 'a' / f'{n}.npz' for n in (1, 2)]
    held = read_held_out(files, {'a.png': 2, 'b.png': 1})
    assert held.images.tolist() == ['a.png', 'b.png']
    assert held.patients.tolist() == ['s/A', 's/B']
    assert held.folds.tolist() == [2, 1]
    assert np.array_equal(held.counts[0], counts)
    assert np.array_equal(held.false_marks, [marks + 1, marks])
    assert held.closed.tolist() == [False, True]
    with pytest.raises(DataFileError, match=r"1\.npz: image 'b\.png' is not in the data"):
        read_held_out(files, {'a.png': 2})


def test_a_file_of_an_earlier_version_is_named(tmp_path):
    np.savez(tmp_path / 'x.npz', images=['a'], patients=['s/A'], lesion=[1], counts=[[[1], [1]]])
    with pytest.raises(DataFileError, match=r'x\.npz: not readable .*false_marks'):
        read_held_out([tmp_path / 'x.npz'], {})


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / 'x.npz').write_bytes(b'PK')
    with pytest.raises(DataFileError, match=r'x\.npz: not readable'):
        read_held_out([tmp_path / 'x.npz'], {})
    write_held_out(
        tmp_path / 'y.npz',
        {'a.png': ('s/A', 1, counts_of([1.0], []), np.zeros(len(CUTS), int), False)},
    )
    (tmp_path / 'y.npz').write_bytes((tmp_path / 'y.npz').read_bytes()[:-30])
    with pytest.raises(DataFileError, match=r'y\.npz: not readable'):
        read_held_out([tmp_path / 'y.npz'], {'a.png': 1})


def test_folds_without_a_lesion_do_not_choose_to_mark_nothing():
    """Two patients, one with lesions that are told apart without fail."""
    counts = np.zeros((4, 2, BINS), np.int64)
    counts[:, 0, round((RANGE - 3) / WIDTH)] = 100
    counts[:2, 1, round((RANGE + 3) / WIDTH)] = 10
    names = np.array(['a', 'b', 'c', 'd'])
    marks, lesion = np.zeros((4, len(CUTS)), int), np.array([10, 10, 0, 0])
    closed = np.zeros(4, bool)
    held = HeldOut(names, names, np.array([1, 1, 2, 2]), lesion, counts, marks, closed)
    assert cross_fitted(held).dice.tolist() == [1, 1, 1, 1]
    assert cross_fitted(held, default=place_of_logit(8.0)).dice.tolist() == [0, 0, 1, 1]
