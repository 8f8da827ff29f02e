"""``calibrate``: writes a file that ``test`` reads, and nothing over another."""

import json

import pytest
import torch
from tool_calls import CBIS, options

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.operating_point import read_operating_point


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
    assert (point.target, point.breast_only) == ('specificity=0.5', True)
    assert (point.images['normal'], point.images['lesion']) == (2, 2)
    assert point.images['split'] == 'val test'
    assert len(point.model['checkpoint_sha256']) == len(point.images['index_sha256']) == 64
    assert point.interval['low'] < 0.5 < point.interval['high']
    shown = capsys.readouterr()
    assert 'temperature' in shown.out
    assert 'now, cut at' in shown.out
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
    monkeypatch.setattr('mmseg_mammo.inference.calibrate.calibrated', None)  # a call would fail
    given = [trained / 'epoch_1.pth', '--out', tmp_path / 'p.json', '--data', prepared]
    for target, message in (('specificity=0.9', '1 normal'), ('sensitivity=0.9', '1 images with')):
        with pytest.raises(SystemExit, match=f'with {message}'):
            calibrate(*given, '--target', target, *small(prepared))


def test_weights_without_a_config_ask_for_one(prepared, tmp_path):
    torch.save({'state_dict': {}, 'meta': {}}, tmp_path / 'plain.pth')
    with pytest.raises(SystemExit, match='does not hold the config'):
        calibrate(tmp_path / 'plain.pth', '--data', prepared, '--target', 'specificity=0.9')
