"""Models of tunings: what a start may be, and what is changed of it."""

import pytest
from few_tunings import write_start
from mmengine.config import Config

from mmseg_mammo.engine.few.models import check_tuning, fitting, kind_of, read_start, tuned_model
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.io.shipped import find_config, shipped_configs


@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        ('unet_cbis', 'unet'),
        ('setr_pup_vpt_cbis', 'setr'),
        ('setr_pup_lora_cbis', 'setr'),
        ('sam_finetune_cbis', 'sam'),
        ('unet_unet_cbis', ''),
    ],
)
def test_kinds_of_models(name, kind):
    assert kind_of(Config.fromfile(find_config(name)).model) == kind


def test_few_configs_that_fit():
    assert fitting('sam') == ['few/sam_decoder']
    assert set(fitting('setr')) | set(fitting('unet')) | {'few/sam_decoder'} == set(fitting(''))
    assert set(fitting('')) == {name for name in shipped_configs() if name.startswith('few/')}


def test_a_backbone_of_ones_own_can_be_tuned_whole(prepared, tmp_path):
    def change(cfg):
        cfg.model.backbone = dict(type='mmseg.ResNetV1c', depth=18, num_stages=4, out_indices=(3,))
        cfg.model.decode_head.update(in_channels=512, in_index=0)

    start = read_start(write_start(tmp_path, 'unet_cbis', prepared, change=change))
    assert start.kind == 'other'
    assert fitting('other') == ['few/unet_full', 'few/unet_bias']


def test_a_tuned_model_begins_anew(prepared, tmp_path):
    """What a start was tuned by says nothing of what is tuned now."""

    def change(cfg):
        cfg.model.update(type='TunedEncoderDecoder', trainable='decode_head')

    start = read_start(write_start(tmp_path, 'unet_cbis', prepared, change=change))
    cfg = Config.fromfile(find_config('few/unet_full'))
    model, weights = tuned_model(cfg, check_tuning(cfg, start), start, False)
    assert model['type'] == 'InputGridEncoderDecoder'
    assert 'trainable' not in model
    assert weights == {'new': [], 'replaced': []}


def test_losses_of_two_channels_stay(prepared, tmp_path):
    def change(cfg):
        cfg.model.decode_head.update(out_channels=2, threshold=None)
        cfg.model.decode_head.loss_decode = dict(type='CrossEntropyLoss', loss_weight=1.0)

    start = read_start(write_start(tmp_path, 'unet_cbis', prepared, change=change))
    cfg = Config.fromfile(find_config('few/unet_full'))
    model, _ = tuned_model(cfg, check_tuning(cfg, start), start, False)
    assert model['decode_head']['loss_decode']['type'] == 'CrossEntropyLoss'


def test_a_misspelt_key_and_a_new_head_of_sam_are_refused(prepared, tmp_path):
    start = read_start(write_start(tmp_path, 'sam_finetune_cbis', prepared))
    cfg = Config.fromfile(find_config('few/sam_decoder'))
    with pytest.raises(MammoError, match='--new-head'):
        tuned_model(cfg, check_tuning(cfg, start), start, True)
    cfg.tuning.trainble = '.*'
    with pytest.raises(MammoError, match=r'tuning\.trainble'):
        check_tuning(cfg, start)


def test_a_start_of_two_stages_is_refused(prepared, tmp_path, monkeypatch):
    file = write_start(tmp_path, 'unet_cbis', prepared)
    monkeypatch.setattr('mmseg_mammo.engine.few.models.kind_of', lambda model: '')
    with pytest.raises(CheckpointError, match='no one network'):
        read_start(file)


def test_a_tuned_model_is_tested_by_its_mirror_images_too_unless_it_is_told_otherwise(
    prepared, tmp_path
):
    start = read_start(write_start(tmp_path / 'unet', 'unet_cbis', prepared))
    cfg = Config.fromfile(find_config('few/unet_full'))
    model, _ = tuned_model(cfg, check_tuning(cfg, start), start, False)
    assert model['test_output']['flips'] is True
    cfg.merge_from_dict({'model.test_output.flips': False})
    model, _ = tuned_model(cfg, check_tuning(cfg, start), start, False)
    assert model['test_output']['flips'] is False

    def turned(cfg):
        cfg.model.test_output = dict(flips=True)

    again = read_start(write_start(tmp_path / 'again', 'unet_cbis', prepared, change=turned))
    cfg = Config.fromfile(find_config('few/unet_full'))
    cfg.merge_from_dict({'tuning.flips': False})
    model, _ = tuned_model(cfg, check_tuning(cfg, again), again, False)
    assert model['test_output']['flips'] is False

    sam = read_start(write_start(tmp_path / 'sam', 'sam_finetune_cbis', prepared))
    cfg = Config.fromfile(find_config('few/sam_decoder'))
    model, _ = tuned_model(cfg, check_tuning(cfg, sam), sam, False)
    assert not (model.get('test_output') or {}).get('flips')
