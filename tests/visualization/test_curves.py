"""Curves of a training, from the lines that mmengine logs."""

import cv2
import numpy as np
import pytest
from runs import make_training

from mmseg_mammo.io.run_folder import CURVES, read_curves
from mmseg_mammo.visualization import curves
from mmseg_mammo.visualization.curves import by_epoch, curve_picture, loss_of_steps

LINES = (
    {'loss': 3.0, 'epoch': 1, 'iter': 1, 'step': 1},
    {'loss': 1.0, 'epoch': 1, 'iter': 2, 'step': 2},
    {'val_loss': 2.0, 'lesion_dice': 40.0, 'iou': 30.0, 'dice': 35.0, 'step': 1},
    {'loss': 0.5, 'epoch': 2, 'iter': 3, 'step': 3},
    {'val_loss': 1.0, 'lesion_dice': 20.0, 'iou': 10.0, 'dice': 15.0, 'step': 2},
)


def test_curves_have_one_value_for_each_epoch(tmp_path):
    make_training(tmp_path / 'run', 'unet')
    found = by_epoch(read_curves(tmp_path / 'run' / CURVES))
    assert found['iou'] == {1: 10.0, 2: 20.0, 3: 30.0}
    assert list(found['val_loss']) == list(found['epoch_loss']) == [1, 2, 3]


def test_steps_of_training_are_not_epochs():
    lines = ({'loss': 1.0, 'epoch_loss': 9.0, 'iter': 5, 'step': 5}, {'epoch_loss': 2.0, 'step': 1})
    assert by_epoch(lines)['epoch_loss'] == {1: 2.0}


def test_of_an_epoch_that_a_resumed_training_ran_twice_the_later_counts():
    lines = ({'iou': 1.0, 'step': 2}, {'iou': 5.0, 'step': 1}, {'iou': 3.0, 'step': 2})
    assert by_epoch(lines)['iou'] == {1: 5.0, 2: 3.0}


def test_without_the_mean_of_an_epoch_the_logged_steps_are_its_loss():
    assert loss_of_steps(LINES, 'epoch') == {1: 2.0, 2: 0.5}
    assert loss_of_steps(LINES, 'step') == {1: 3.0, 2: 1.0, 3: 0.5}
    again = {**LINES[0], 'loss': 2.0}  # of a training that was killed in its first epoch
    assert loss_of_steps([LINES[0], *LINES], 'epoch') == {1: 2.0, 2: 0.5}
    assert loss_of_steps([LINES[0], again, LINES[1]], 'epoch') == {1: 1.5}


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn: the canvas and the curves of the last picture."""
    kept = {}
    draw = curves.draw_curves

    def note(canvas, found, unit):
        kept.update(canvas=canvas, found=found)
        draw(canvas, found, unit)

    monkeypatch.setattr(curves, 'draw_curves', note)
    return kept


def test_the_picture_names_the_best_validation(drawn):
    png = curve_picture(LINES, 'mine')
    assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[1] > 1000
    text = drawn['canvas'].get_suptitle()
    assert text == 'mine: best lesion Dice 40.00 %, epoch 1 of 2'
    assert drawn['found']['epoch_loss'] == {1: 2.0, 2: 0.5}
    assert [axis.get_xlabel() for axis in drawn['canvas'].axes] == ['epoch', 'epoch']


def test_the_logged_mean_of_an_epoch_goes_before_that_of_its_steps(drawn):
    curve_picture([*LINES, {'epoch_loss': 7.0, 'step': 1}], 'mine')
    assert drawn['found']['epoch_loss'] == {1: 7.0}


def test_nothing_validated_yet_is_drawn_all_the_same(drawn):
    nan = {'lesion_dice': float('nan'), 'step': 1}
    assert curve_picture([LINES[0], nan], 'mine').startswith(b'\x89PNG')
    assert drawn['canvas'].get_suptitle() == 'mine'
