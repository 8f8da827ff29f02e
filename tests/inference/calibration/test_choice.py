"""Calibration of a model with presence: the threshold of images, or that of pixels."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from tiny_models import save_checkpoint

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import describe_test_output, use_operating_point
from mmseg_mammo.evaluation.image_level.gate import find_gate
from mmseg_mammo.inference.calibration import choice
from mmseg_mammo.inference.calibration.look import Seen
from mmseg_mammo.io.operating_point import read_operating_point

BEFORE = dict(threshold=0.3, temperature=1.0, presence_threshold=0.5)
BEFORE |= dict(presence_scale=1.0, presence_bias=0.0)
GENERATOR = np.random.default_rng(0)
LESION = np.arange(40) >= 20


def seen(lesion=LESION):
    presence = GENERATOR.normal(size=len(lesion)) + 2 * lesion
    patients = np.array([f'ours/{number // 2}' for number in range(len(lesion))])
    scores = np.full(len(lesion), 0.9)
    return Seen(scores, lesion, patients, np.full(len(lesion), 'ours'), presence=presence)


def test_images_are_closed_and_pixels_are_cut_as_before(monkeypatch):
    given = seen()
    monkeypatch.setattr(choice, 'look', lambda *_: given)
    found = choice.choose_presence(None, None, ['val'], ('specificity', 0.8), BEFORE)
    gate = find_gate(given.presence, LESION, given.patients, ('specificity', 0.8))
    assert found.presence == gate.as_settings()
    assert (found.threshold, found.temperature) == (0.3, 1.0)
    opened = expit(gate.scale * given.presence + gate.bias) > gate.choice.threshold
    former = expit(given.presence) > 0.5
    for line, marks in zip(found.effects, (former, opened), strict=True):
        left = (~marks[~LESION]).sum()
        assert f'{marks[LESION].sum()} of 20 images with a lesion marked; {left} of 20 n' in line
    assert found.lines[0].startswith('presence threshold 0.')
    assert found.lines[-1].startswith(f'scale {gate.scale:.4g} and bias ')
    assert 'fitted to these images); AUROC 0.9' in found.lines[-1]


def test_normal_images_alone_keep_the_calibration_of_the_checkpoint(monkeypatch):
    monkeypatch.setattr(choice, 'look', lambda *_: seen(np.zeros(20, bool)))
    before = BEFORE | dict(presence_scale=2.0, presence_bias=-0.5)
    found = choice.choose_presence(None, None, ['val'], ('specificity', 0.8), before)
    assert (found.presence['presence_scale'], found.presence['presence_bias']) == (2.0, -0.5)
    assert 'as before: no lesion images to fit them to' in found.lines[-1]


def test_pixels_may_be_calibrated_with_no_image_closed(monkeypatch):
    given = seen()
    monkeypatch.setattr(choice, 'calibrated', lambda *_: (1.5, given, given.scores))
    found = choice.choose_pixels(None, None, ['val'], ('sensitivity', 0.5), BEFORE)
    assert found.presence == {
        'presence_threshold': 0.0,
        'presence_scale': 1.0,
        'presence_bias': 0.0,
    }
    assert 'no image is closed' in found.notes[-1]


@pytest.mark.parametrize('pixels', [False, True])
def test_a_calibration_on_cuts_says_so(pixels, monkeypatch):
    given = seen()
    cuts = replace(given, sources=np.where(LESION, 'ours', 'ours, lesion-free sides'))
    find = choice.choose_pixels if pixels else choice.choose_presence

    def notes(images):
        monkeypatch.setattr(choice, 'look', lambda *_: images)
        monkeypatch.setattr(choice, 'calibrated', lambda *_: (1.5, images, images.scores))
        return find(None, None, ['val'], ('sensitivity', 0.5), BEFORE).notes

    assert '20 of the 40 images are cuts' in notes(cuts)[-1]
    assert not any('cuts' in note for note in notes(given))


@pytest.mark.parametrize('pixels', [False, True])
def test_the_command_writes_what_a_test_then_follows(pixels, prepared, tmp_path, monkeypatch):
    checkpoint = save_checkpoint(tmp_path / 'a.pth', 'unet_absence_cbis', prepared)
    if not pixels:  # random weights may have it the wrong way round
        monkeypatch.setattr(
            'mmseg_mammo.evaluation.image_level.gate.fit_platt', lambda *_: (2.0, 0.5)
        )
    arguments = ('calibrate', checkpoint, '--data', prepared, '--split', 'val', 'test')
    more = ('--target', 'specificity=0.5', *['--pixel-threshold'] * pixels)
    main([*map(str, (*arguments, *more))])
    point = read_operating_point(tmp_path / 'operating_point.json')
    assert (point.presence_threshold == 0) == pixels
    assert (point.presence_scale, point.presence_bias) == ((1.0, 0.0) if pixels else (2.0, 0.5))
    cfg = read_stored_config(checkpoint)
    use_operating_point(cfg, tmp_path / 'operating_point.json')
    settings = describe_test_output(cfg)
    assert point.presence() == {name: settings[name] for name in point.presence()}
    assert settings['threshold'] == point.threshold
