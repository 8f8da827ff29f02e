"""Test-time output is set in model and metrics at once, and its threshold is known."""

import pytest
from experiments import shrink
from mmengine.config import Config

from mmseg_mammo.engine.config import test_output
from mmseg_mammo.engine.config.test_output import (
    describe_test_output,
    has_presence,
    threshold_of,
    use_operating_point,
    use_test_output,
    use_trained_output,
)
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.operating_point import OperatingPoint, write_operating_point


@pytest.fixture
def cfg():
    return shrink('unet_cbis', 'data', 'work')


def test_model_and_metrics_get_one_threshold(cfg):
    use_test_output(cfg, threshold=0.7, temperature=1.5, breast_only=True)
    expected = dict(threshold=0.7, temperature=1.5, breast_only=True)
    assert cfg.model.test_output == expected
    assert cfg.val_evaluator.threshold == cfg.test_evaluator.threshold == 0.7
    assert threshold_of(cfg) == 0.7


def test_what_is_not_asked_for_stays(cfg):
    before = cfg.to_dict()
    use_test_output(cfg)
    assert cfg.to_dict() == before
    use_test_output(cfg, temperature=2.0)
    use_test_output(cfg, breast_only=False)
    assert cfg.model.test_output == dict(temperature=2.0, breast_only=False)
    assert 'threshold' not in cfg.test_evaluator
    use_test_output(cfg, threshold=0.0)
    assert threshold_of(cfg) == 0.0


def test_a_model_inside_test_time_augmentation_gets_it(cfg):
    cfg.model = dict(type='SegTTAModel', module=cfg.model)
    cfg.test_evaluator = [cfg.test_evaluator, dict(type='IoUMetric')]
    use_test_output(cfg, threshold=0.6)
    assert cfg.model.module.test_output.threshold == 0.6
    assert cfg.test_evaluator[0].threshold == 0.6
    assert 'threshold' not in cfg.test_evaluator[1]
    assert threshold_of(cfg) == 0.6


def test_the_threshold_of_a_training_is_known_without_any_setting(cfg):
    cfg.model.decode_head.update(out_channels=1, threshold=0.4)
    assert threshold_of(cfg) == 0.4
    cfg.model.decode_head.threshold = None
    assert threshold_of(cfg) == 0.3  # mmseg's
    cfg.model.decode_head.out_channels = 2
    assert threshold_of(cfg) == 0.5
    cfg.model.decode_head = [dict(out_channels=2), dict(out_channels=1, threshold=0.2)]
    assert threshold_of(cfg) == 0.2
    assert threshold_of(Config(dict(model=dict(type='SAMSegmentor')))) == 0.5


def test_what_a_training_chose_is_no_change_and_what_is_set_afterwards_is_one(cfg):
    assert 'trained_temperature' not in describe_test_output(cfg)
    use_trained_output(cfg, threshold=0.3, temperature=2.0)
    chosen = dict(trained_threshold=0.3, trained_temperature=2.0, breast_only=False, flips=False)
    assert describe_test_output(cfg) == dict(threshold=0.3, temperature=2.0, **chosen)
    use_test_output(cfg, threshold=0.5, temperature=1.0)
    assert describe_test_output(cfg) == dict(threshold=0.5, temperature=1.0, **chosen)


def test_other_models_and_values_are_refused(cfg):
    with pytest.raises(MammoError, match='threshold=2'):
        use_test_output(cfg, threshold=2)
    cfg.model.type = 'EncoderDecoder'
    with pytest.raises(
        MammoError, match=r'breast_only of the test-time output beside .*EncoderDec'
    ):
        use_test_output(cfg, breast_only=True)


def test_a_file_that_was_found_with_another_checkpoint_is_applied_and_said(
    cfg, tmp_path, monkeypatch
):
    said = []
    monkeypatch.setattr(test_output, 'print_log', lambda text, *_: said.append(text))
    ours, other = tmp_path / 'ours.pth', tmp_path / 'other.pth'
    for file in (ours, other):
        file.write_bytes(file.name.encode())
    found = OperatingPoint(0.7, model={'checkpoint_sha256': sha256(ours)})
    write_operating_point(tmp_path / 'a.json', found)
    use_operating_point(cfg, tmp_path / 'a.json', checkpoint=ours)
    assert said == []
    use_operating_point(cfg, tmp_path / 'a.json', checkpoint=other)
    assert threshold_of(cfg) == 0.7
    assert len(said) == 1 and 'was found with another checkpoint' in said[0]


def test_a_file_sets_whether_mirror_images_are_looked_at_if_it_knows(cfg, tmp_path):
    for flips, expected in ((True, True), (None, True), (False, False)):
        file = tmp_path / f'{flips}.json'
        write_operating_point(file, OperatingPoint(0.7, flips=flips))
        use_operating_point(cfg, file)
        assert describe_test_output(cfg)['flips'] is expected


def test_presence_is_set_for_a_model_that_has_it_and_refused_for_others(cfg):
    asked = dict(presence_threshold=0.2, presence_scale=1.5, presence_bias=-0.5)
    with pytest.raises(MammoError, match=r'presence_threshold=0.2 beside InputGrid.* without'):
        use_test_output(cfg, **asked)
    assert not has_presence(cfg)
    assert not any(name.startswith('presence') for name in describe_test_output(cfg))
    for name in ('presence_head', 'object_score'):
        own = Config(dict(model={**cfg.model, name: dict(in_channels=8)}))
        assert has_presence(own)
        use_test_output(own, **asked)
        assert own.model.test_output == asked
        assert describe_test_output(own) | asked == describe_test_output(own)
    with pytest.raises(MammoError, match='presence_scale=0'):
        use_test_output(own, presence_scale=0.0)
