"""Sides of an input: what the modules of a config can divide, asked of the config."""

import pytest
from experiments import CONFIGS
from mmengine.config import Config
from mmseg.models.backbones import UNet

from mmseg_mammo.engine.config.input_side import check_side
from mmseg_mammo.errors import MammoError

# Configs of two stages have no steps and no network of their own; those of their stages are here.
SHIPPED = sorted(
    p
    for p in CONFIGS.glob('**/*.py')
    # Those of few/ have no model before they have a start: tests/engine/few.
    if not {'_base_', 'few'} & {*p.parts} and '\nstages = ' not in p.read_text()
)


def backbone(**settings):
    return Config(dict(model=dict(type='EncoderDecoder', backbone=settings)))


def refusal(cfg, side):
    with pytest.raises(MammoError) as refused:
        check_side(cfg, side)
    return str(refused.value)


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_models_take_multiples_of_16(path):
    cfg = Config.fromfile(path)
    for side in (16, 224, 512, 1024):
        check_side(cfg, side)
    for side in (-16, 0, 8, 100, 500):
        assert f'--side {side}. Allowed: a multiple of 16 (' in refusal(cfg, side)


def test_the_refusal_names_what_asks_and_the_sides_beside():
    assert refusal(backbone(type='UNet'), 100) == (
        '--side 100. Allowed: a multiple of 16 (UNet halves its input 4 times), such as 96 or 112.'
    )
    said = refusal(backbone(type='mmseg.VisionTransformer', patch_size=14), 3)
    assert (
        'a multiple of 14 (VisionTransformer cuts it into patches of 14), such as 14 or 28' in said
    )
    both = dict(
        type='mmpretrain.LoRAModel',
        module=dict(type='VPTVisionTransformer', patch_size=14),
        neck=dict(type=UNet),
    )
    assert 'a multiple of 112 (VPTVisionTransformer asks for 14, UNet halves' in refusal(
        backbone(**both), 56
    )
    assert 'Allowed: a positive number' in refusal(backbone(type='ResNet', depth=18), 0)


@pytest.mark.parametrize(
    ('settings', 'multiple'),
    [
        (dict(num_stages=3, strides=(1, 1, 1), downsamples=(True, True)), 4),
        (dict(downsamples=(True, False, False, True)), 4),
        (dict(strides=(1, 2, 1, 1, 1), downsamples=(False,) * 4), 2),
        (dict(strides=(2, 1, 1, 1, 1), downsamples=(False,) * 4), 1),  # the first is not undone
    ],
)
def test_a_unet_is_asked_how_often_it_halves(settings, multiple):
    cfg = backbone(type='UNet', **settings)
    for side in range(1, 33):
        if side % multiple:
            refusal(cfg, side)
        else:
            check_side(cfg, side)


def test_other_backbones_take_any_positive_side():
    check_side(backbone(type='ResNet', depth=18), 33)
    check_side(Config(dict(model=dict(type='NotRegistered'))), 33)
