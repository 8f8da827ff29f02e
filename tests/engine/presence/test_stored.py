"""A checkpoint keeps the threshold that was chosen for its weights, and everybody uses it."""

import copy
import csv
import json
import math

import numpy as np
import pytest
from experiments import shrink
from tiny_models import save_checkpoint

from mmseg_mammo.cli.info import summary
from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import describe_test_output
from mmseg_mammo.engine.presence import hook
from mmseg_mammo.engine.presence.stored import presence_choice, use_stored_presence
from mmseg_mammo.engine.resume import differences
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.evaluation.image_level.gate import find_gate
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.checkpoint_record import read_record

NAME = 'unet_absence_cbis'


def config(prepared, work_dir, **changed):
    cfg = shrink(NAME, prepared, work_dir, **changed)
    cfg.launcher = 'none'
    cfg.default_hooks.presence.target = 'sensitivity=0.5'
    return cfg


@pytest.fixture(scope='module')
def trained(prepared, tmp_path_factory):
    """Three epochs; which of its two validation images is the surer is left to no chance."""
    folder = tmp_path_factory.mktemp('presence')
    given = np.array([1.0, 2.0]), np.array([False, True]), np.array(['a', 'b'])

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(
            hook, 'find_gate', lambda *_, **__: find_gate(*given, ('sensitivity', 0.5))
        )
        build_runner(config(prepared, folder, epochs=3), 0).train()
    return folder


def test_the_record_has_the_choice_and_its_config_the_settings(trained):
    record = read_record(trained / 'epoch_3.pth')
    facts, stored = record['presence'], read_stored_config(trained / 'epoch_3.pth')
    assert (facts['target'], facts['epoch'], facts['lesion']) == ('sensitivity=0.5', 3, 1)
    assert facts['presence_scale'] > 0
    output = stored.model.test_output
    assert all(output[name] == facts[name] for name in output)
    assert presence_choice(stored, trained / 'epoch_3.pth') == facts
    said = dict(summary(record))['presence']
    assert f'images up to {facts["presence_threshold"]:.4g} are closed, chosen for sens' in said
    assert 'of the validation of epoch 3' in said


def test_a_config_beside_the_checkpoint_takes_them_unless_it_has_its_own(trained, prepared):
    cfg = config(prepared, trained)
    use_stored_presence(cfg, trained / 'epoch_3.pth')
    assert cfg.model.test_output == read_stored_config(trained / 'epoch_3.pth').model.test_output
    assert (
        load_model(config(prepared, trained), trained / 'epoch_3.pth').test_output
        == load_model(None, trained / 'epoch_3.pth').test_output
    )
    own = config(prepared, trained)
    own.model.test_output = dict(presence_threshold=0.9)
    use_stored_presence(own, trained / 'epoch_3.pth')
    assert own.model.test_output == dict(presence_threshold=0.9)
    assert presence_choice(own, trained / 'epoch_3.pth') is None
    plain = shrink('unet_cbis', prepared, trained)
    before = copy.deepcopy(plain.model)
    use_stored_presence(plain, trained / 'epoch_3.pth')
    assert plain.model == before


def test_a_training_may_be_resumed_whatever_the_hook_chose(trained, prepared):
    stored = read_stored_config(trained / 'epoch_3.pth')
    now = config(prepared, trained)
    assert differences(stored, now, True)[0] == []
    stored.model.test_output.temperature = 2.0
    assert 'model.test_output' in differences(stored, now, True)[0][0]


def test_a_test_and_a_prediction_close_the_same_images(trained, prepared, tmp_path):
    checkpoint = trained / 'epoch_3.pth'
    cfg = read_stored_config(checkpoint)
    raw = [_presence_logit(checkpoint, prepared, number) for number in (6, 7)]
    cfg.model.test_output.presence_scale, cfg.model.test_output.presence_bias = 1.0, 0.0
    limit = 1 / (1 + math.exp(-sum(raw) / 2))  # between the two
    cfg.model.test_output.presence_threshold = limit
    cfg.update(work_dir=str(tmp_path), load_from=str(checkpoint), resume=False, launcher='none')
    predictor = Predictor(checkpoint, config=copy.deepcopy(cfg), device='cpu')
    build_runner(cfg, 0).test()
    (table,) = tmp_path.glob('*/per_image_test.csv')
    rows = list(csv.DictReader(table.open()))
    assert sorted(row['closed'] for row in rows) == ['0', '1']
    for number, row in zip((6, 7), rows, strict=True):
        found = predictor(prepared / 'images' / f'{number}.png')
        assert found.presence == pytest.approx(float(row['presence']), abs=1e-6)
        assert (int(found.closed), found.presence_threshold) == (int(row['closed']), limit)
        assert found.mask.sum() == int(row['predicted_pixels'])
        assert found.score == pytest.approx(float(row['max_probability']), abs=1e-6)
        assert (found.mask.sum() == 0) >= found.closed
    (run,) = tmp_path.glob('*/run.json')
    record = json.loads(run.read_text())
    assert record['test_output'] == describe_test_output(cfg)
    assert 'presence' not in record  # another threshold than that of the training


def _presence_logit(checkpoint, prepared, number):
    one = Predictor(checkpoint, device='cpu')
    presence = one(prepared / 'images' / f'{number}.png').presence
    return (math.log(presence / (1 - presence)) - one.output['presence_bias']) / one.output[
        'presence_scale'
    ]


def test_a_test_of_the_checkpoint_alone_says_how_its_threshold_was_chosen(
    trained, prepared, tmp_path
):
    checkpoint = trained / 'epoch_3.pth'
    cfg = read_stored_config(checkpoint)
    cfg.update(work_dir=str(tmp_path), load_from=str(checkpoint), resume=False, launcher='none')
    build_runner(cfg, 0).test()
    (run,) = tmp_path.glob('*/run.json')
    record = json.loads(run.read_text())
    assert record['presence'] == json.loads(json.dumps(read_record(checkpoint)['presence']))


def test_a_checkpoint_without_a_record_changes_nothing(prepared, tmp_path):
    checkpoint = save_checkpoint(tmp_path / 'plain.pth', 'unet_cbis', prepared)
    cfg = config(prepared, tmp_path)
    for file in (checkpoint, tmp_path / 'none.npz'):
        use_stored_presence(cfg, file)
        assert 'test_output' not in cfg.model
