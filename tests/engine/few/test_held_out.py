"""Held-out hook: the files of a validation have every pixel of every image with a mask."""

import numpy as np
import pytest
from few_tunings import tune, tuning, write_start

from mmseg_mammo.engine.few.held_out import step_file
from mmseg_mammo.evaluation.out_of_fold.held_out import cross_fitted, place_of_logit, read_held_out
from mmseg_mammo.studies.few.cuts import at_probe


def test_each_validation_leaves_a_file_whose_dice_is_that_of_its_metric(prepared, tmp_path):
    start = write_start(tmp_path / 'start', 'unet_cbis', prepared)
    cfg = tuning('unet_full', start, prepared, tmp_path / 'work', steps=4)
    cfg.train_cfg.val_interval = 2
    before = cfg.model.decode_head.threshold
    cfg.val_evaluator.lesions = True
    at_probe(cfg)
    cfg.custom_hooks = [
        *(cfg.get('custom_hooks') or []),
        dict(type='HeldOutHook', folder=str(tmp_path / 'held')),
    ]
    runner = tune(cfg)
    assert sorted(path.name for path in (tmp_path / 'held').iterdir()) == [
        'step_0000002.npz',
        'step_0000004.npz',
    ]
    held = read_held_out([step_file(tmp_path / 'held', 4)], {'images/4.png': 1, 'images/5.png': 2})
    assert held.images.tolist() == ['images/4.png', 'images/5.png']
    assert held.patients.tolist() == ['test/C', 'test/C']
    assert held.counts.sum(axis=(1, 2)).tolist() == [80 * 64, 80 * 64]
    assert held.lesion[0] > 0 and held.lesion[1] == 0
    records = {record['image']: record for record in runner.val_evaluator.metrics[0].records}
    place = place_of_logit(np.log(before / (1 - before)))
    assert before == 0.5  # a cut
    told = [records[image]['false_positives_iou10'] for image in held.images.tolist()]
    assert held.false_marks[:, place].tolist() == told
    assert held.false_marks.max() > 0
    dice = cross_fitted(held, place).dice
    assert (
        abs(dice[0] - records['images/4.png']['dice']) < 0.03
    )  # cuts are a fifth of a logit apart


@pytest.mark.parametrize('threshold', [0.0, 1.0])
def test_what_presence_closes_has_the_scores_that_a_test_gives_it(threshold, prepared, tmp_path):
    def change(cfg):
        cfg.model.test_output = dict(threshold=0.5, presence_threshold=threshold)

    name = 'absence/unet_absence_cbis'
    start = write_start(tmp_path / 'start', name, prepared, change=change)
    cfg = tuning('unet_full', start, prepared, tmp_path / 'work')
    cfg.val_evaluator.lesions = True
    at_probe(cfg)
    cfg.custom_hooks = [
        *(cfg.get('custom_hooks') or []),
        dict(type='HeldOutHook', folder=str(tmp_path / 'held')),
    ]
    records = tune(cfg).val_evaluator.metrics[0].records
    held = read_held_out([step_file(tmp_path / 'held', 2)], {'images/4.png': 1, 'images/5.png': 2})
    assert held.closed.tolist() == [threshold == 1] * 2
    scores = cross_fitted(held, place_of_logit(0.0))
    told = {record['image']: record['false_positives_iou10'] for record in records}
    assert scores.false_marks.tolist() == [told[image] for image in held.images.tolist()]
    assert held.false_marks.any()
    if threshold == 1:
        assert scores.dice.tolist() == [0, 1]  # a lesion, and none
