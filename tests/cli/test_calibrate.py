"""``calibrate``: writes a file that ``test`` reads, and nothing over another."""

import json

import pytest
import torch
from tool_calls import CBIS, options

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.inference import trained_model
from mmseg_mammo.inference.calibration.look import look
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.operating_point import (
    OperatingPoint,
    read_operating_point,
    write_operating_point,
)

CHANGED = ['test_dataloader.dataset.pipeline.1.intensity=stored']


def calibrate(*arguments):
    main(['calibrate', *map(str, arguments)])


def small(prepared):
    return ['--cfg-options', *options(prepared, 'test')]


def test_the_file_is_written_beside_the_checkpoint_once(trained, prepared, tmp_path, capsys):
    checkpoint = tmp_path / 'epoch_1.pth'
    checkpoint.symlink_to(trained / 'epoch_1.pth')
    given = (checkpoint, '--data', prepared, '--split', 'val', 'test', '--target')
    calibrate(*given, 'specificity=0.5', '--breast-only', *small(prepared))
    point = read_operating_point(tmp_path / 'operating_point.json')
    assert (point.target, point.breast_only, point.flips) == ('specificity=0.5', True, False)
    assert (point.images['normal'], point.images['lesion']) == (2, 2)
    assert point.images['split'] == 'val test'
    assert len(point.model['checkpoint_sha256']) == len(point.images['index_sha256']) == 64
    assert point.interval['low'] < 0.5 < point.interval['high']
    shown = capsys.readouterr()
    assert 'temperature' in shown.out
    assert 'now, cut at' in shown.out
    assert 'WARNING: the model learned' not in shown.out
    assert f'operating_point.json is written. Next: mammoseg predict {checkpoint} ' in shown.out
    assert 'calibrating: 4 of 4 images' in shown.err
    with pytest.raises(SystemExit, match='exists, and is not overwritten'):
        calibrate(*given, 'specificity=0.5')


def test_a_config_may_be_named_and_another_file(trained, prepared, tmp_path):
    out = tmp_path / 'a' / 'point.json'
    calibrate(
        *(CBIS, trained / 'epoch_1.pth', '--data', prepared, '--split', 'train'),
        *('--target', 'sensitivity=0.7', '--out', out, *small(prepared)),
    )
    found = json.loads(out.read_text())
    assert found['model']['config'] == 'setr_pup_vpt_cbis.py'
    assert found['images']['lesion'] == 3
    assert found['notes'][0].startswith('WARNING: the model learned from images of train')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--target', 'specificity=0.9'], r'with 1 normal images\. Allowed: 9 or more'),
        (['--target', 'recall=0.9'], "target 'recall=0.9'"),
        (['--data', 'nowhere'], r'--data nowhere: no index\.csv in it'),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(trained, prepared, tmp_path, arguments, message):
    given = [trained / 'epoch_1.pth', '--out', tmp_path / 'p.json', '--data', prepared]
    with pytest.raises(SystemExit, match=message):
        calibrate(*given, *arguments, *small(prepared))
    assert not list(tmp_path.iterdir())


def test_too_few_images_are_refused_before_any_is_looked_at(
    trained, prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        'mmseg_mammo.inference.calibration.look.calibrated', None
    )  # a call would fail
    given = [trained / 'epoch_1.pth', '--out', tmp_path / 'p.json', '--data', prepared]
    for target, message in (('specificity=0.9', '1 normal'), ('sensitivity=0.9', '1 images with')):
        with pytest.raises(SystemExit, match=f'with {message}'):
            calibrate(*given, '--target', target, *small(prepared))


def test_weights_without_a_config_ask_for_one(prepared, tmp_path):
    torch.save({'state_dict': {}, 'meta': {}}, tmp_path / 'plain.pth')
    with pytest.raises(SystemExit, match='does not hold the config'):
        calibrate(tmp_path / 'plain.pth', '--data', prepared, '--target', 'specificity=0.9')


def test_what_an_export_stored_is_what_was_before(trained, prepared, tmp_path, capsys, monkeypatch):
    """An operating point in the checkpoint; its breast_only stays where nothing else is asked for."""
    stored = OperatingPoint(0.4, temperature=3.0, breast_only=True)
    write_operating_point(tmp_path / 'stored.json', stored)
    whole = tmp_path / 'whole.pth'
    point = ('--operating-point', tmp_path / 'stored.json')
    main([*map(str, ('export', trained / 'epoch_1.pth', whole, *point))])
    assert read_record(whole)['threshold'] == 0.4
    logged = []
    monkeypatch.setattr(trained_model, 'print_log', lambda text, *_: logged.append(text))
    given = (whole, '--data', prepared, '--split', 'val', 'test', '--target', 'specificity=0.5')
    calibrate(*given, '--cfg-options', *CHANGED, *options(prepared, 'test'))
    found = read_operating_point(tmp_path / 'operating_point.json')
    assert (found.breast_only, found.temperature != 3.0) == (True, True)
    said = capsys.readouterr().out
    assert all(note in said for note in found.notes)
    line = next(line for line in said.splitlines() if line.startswith('before, cut at 0.4: '))
    cfg = read_stored_config(whole)
    cfg.test_dataloader.dataset.data_root = str(prepared)
    cfg.test_dataloader.dataset.pipeline[1].intensity = 'stored'
    seen = look(load_model(cfg, whole), cfg, ['val', 'test'], 3.0)
    assert f'{(seen.scores[seen.lesion] > 0.4).sum()} of 2 images with a lesion marked' in line
    change = 'MapIntensity.intensity is stored, in training minmax: expect worse results'
    assert logged == [f'{whole}: {change}']
