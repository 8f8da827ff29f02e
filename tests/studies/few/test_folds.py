"""Folds: what a cross-validation leaves, and that each image is scored by the model that never saw it."""

import csv
import json

from mmseg_mammo.io.checkpoint_record import read_record


def test_it_leaves_a_training_for_each_fold_one_checkpoint_and_a_test(divided):
    _, work = divided
    assert [list((work / f'fold_{n}').glob('*/run.json')) != [] for n in (1, 2, 3)] == [True] * 3
    assert read_record(work / 'folds.pth')['model'] == 'FoldSegmentor'
    [test] = work.glob('*/test.json')
    rows = list(csv.DictReader((test.parent / 'per_image_test.csv').open()))
    assert [row['image'] for row in rows] == [f'images/{n}.png' for n in range(6)]
    steps = json.loads((work / 'folds.json').read_text())
    assert list(steps) == ['divided', 'fold_1', 'fold_2', 'fold_3', 'joined', 'tested']
