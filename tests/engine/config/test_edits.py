"""What an option of the command line changes in a config."""

import pytest
from experiments import CONFIGS
from mmengine.config import Config

import mmseg_mammo  # noqa: F401 - only registration
from mmseg_mammo.engine.config.edits import input_size, use_dataset, use_mixed_precision, use_side
from mmseg_mammo.engine.optim_wrapper import BFloat16OptimWrapper
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shipped import find_config


def test_the_size_is_that_of_the_model_input(tmp_path):
    cfg = Config.fromfile(CONFIGS / 'unet_cbis.py')
    cfg.model.data_preprocessor.size = (64, 96)
    assert input_size(cfg) == (64, 96)
    del cfg.model.data_preprocessor['size']
    cfg.train_dataloader.dataset.pipeline[3].scale = (48, 32)  # width and height
    assert input_size(cfg) == (32, 48)
    del cfg.train_dataloader.dataset.pipeline[3]
    with pytest.raises(MammoError, match=r'names no input size.*--data'):
        input_size(cfg)


def test_the_size_may_be_told_by_resizing_alone_and_the_last_counts():
    steps = [dict(type='Resize', scale=(9, 9)), dict(type='ResizeMammogram', scale=(48, 32))]
    steps += [dict(type='RandomResize', ratio_range=(1, 2)), dict(type='PackMammogram')]
    model = dict(data_preprocessor=dict(size=None))
    cfg = Config(dict(model=model, train_dataloader=dict(dataset=dict(pipeline=steps))))
    assert input_size(cfg) == (32, 48)


@pytest.fixture
def tested():
    """A config with a test set."""
    dataset = dict(type='A', data_root='a', split='val', finding='mass', pipeline=[dict(type='P')])
    return Config(dict(test_dataloader=dict(batch_size=2, dataset=dataset)))


def test_a_prepared_folder_takes_the_place_of_the_test_set(tested, prepared):
    use_dataset(tested, str(prepared), None)
    assert tested.test_dataloader.batch_size == 2
    assert tested.test_dataloader.dataset.to_dict() == {
        'type': 'MammographyDataset',
        'data_root': str(prepared),
        'split': 'test',
        'test_mode': True,
        'pipeline': [{'type': 'P'}],
    }


def test_a_name_is_that_of_a_data_set_config(tested, tmp_path):
    theirs = "dict(dataset=dict(type='Z', data_root='z', split='test', pipeline=[2]))"
    (tmp_path / 'zgt.py').write_text(f'test_dataloader = {theirs}')
    use_dataset(tested, 'zgt', tmp_path)
    assert tested.test_dataloader.dataset.to_dict() == {
        'type': 'Z',
        'data_root': 'z',
        'split': 'test',
        'test_mode': True,
        'pipeline': [{'type': 'P'}],
    }


@pytest.mark.parametrize('known', [True, False])
def test_what_is_no_data_set_is_refused_with_those_there_are(known, tested, tmp_path):
    for name in ('b', 'a'):
        (tmp_path / f'{name}.py').write_text('test_dataloader = {}')
    before = tested.to_dict()
    with pytest.raises(MammoError, match=r'--dataset .*neither') as caught:
        use_dataset(tested, str(tmp_path), tmp_path if known else None)
    assert ('one of a, b' in str(caught.value)) is known
    assert tested.to_dict() == before


@pytest.mark.parametrize(
    ('gpu', 'given', 'kind', 'scale'),
    [
        (False, dict(type='OptimWrapper'), 'BFloat16OptimWrapper', None),
        (True, dict(type='OptimWrapper'), 'AmpOptimWrapper', 'dynamic'),
        (True, dict(type='AmpOptimWrapper', loss_scale=512.0), 'AmpOptimWrapper', 512.0),
        (True, dict(type='BFloat16OptimWrapper'), 'BFloat16OptimWrapper', None),
        (True, dict(type=BFloat16OptimWrapper), BFloat16OptimWrapper, None),
    ],
)
def test_mixed_precision_keeps_what_the_config_says_of_it(gpu, given, kind, scale, monkeypatch):
    monkeypatch.setattr('mmseg_mammo.engine.config.edits.on_gpu', lambda: gpu)
    cfg = Config(dict(optim_wrapper=dict(given, optimizer=dict(lr=1))))
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper.type == kind
    assert cfg.optim_wrapper.get('loss_scale') == scale
    assert cfg.optim_wrapper.optimizer == dict(lr=1)


@pytest.mark.parametrize('kind', ['Resize', 'ResizeMammogram'])
def test_every_side_of_a_config_is_set_wherever_it_is(kind):
    wrapped = dict(type='W', transforms=[[dict(type=kind, scale=(9, 9))], []])
    cfg = Config(
        dict(
            model=dict(
                data_preprocessor=dict(size=(9, 9), test_cfg=dict(size=(9, 9))),
                backbone=dict(module=dict(img_size=9), other=(dict(img_size=9),)),
            ),
            tta_pipeline=[wrapped, dict(type='Pad', scale=(9, 9))],
        )
    )
    use_side(cfg, 48)
    assert cfg.tta_pipeline[0].transforms[0][0].scale == (48, 48)
    assert cfg.tta_pipeline[1].scale == (9, 9)  # no resizing
    preprocessor = cfg.model.data_preprocessor
    assert (preprocessor.size, preprocessor.test_cfg.size) == ((48, 48), (48, 48))
    backbone = cfg.model.backbone
    assert (backbone.module.img_size, backbone.other[0].img_size) == (48, 48)


def test_mixed_precision_is_float16_on_gpus_unless_the_config_says_and_bfloat16_on_cpus(
    monkeypatch,
):
    expected = {'type': 'AmpOptimWrapper', 'loss_scale': 'dynamic'}
    bfloat16 = {'type': 'BFloat16OptimWrapper'}
    for gpu, given, found in ((True, 'OptimWrapper', expected), (False, 'OptimWrapper', bfloat16)):
        monkeypatch.setattr('torch.cuda.is_available', lambda gpu=gpu: gpu)
        cfg = Config({'optim_wrapper': {'type': given}})
        use_mixed_precision(cfg)
        assert cfg.optim_wrapper == found
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    cfg = Config({'optim_wrapper': dict(bfloat16)})
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper == bfloat16


def test_the_side_reaches_every_pipeline_the_preprocessor_and_the_backbone():
    cfg = Config.fromfile(find_config('setr_pup_vpt_strong_cbis'))
    use_side(cfg, 512)
    assert cfg.model.data_preprocessor.size == (512, 512)
    assert cfg.model.backbone.img_size == 512
    for split in ('train', 'val', 'test'):
        pipeline = cfg[f'{split}_dataloader'].dataset.pipeline
        assert [step.scale for step in pipeline if 'Resize' in step.type] == [(512, 512)]


def test_the_side_reaches_sam_and_its_padding():
    cfg = Config.fromfile(find_config('sam_lora_cbis'))
    cfg.model.data_preprocessor.test_cfg = dict(size=(1024, 1024))
    use_side(cfg, 512)
    assert cfg.model.image_encoder.module.img_size == 512
    assert cfg.model.data_preprocessor.size == (512, 512)
    assert cfg.model.data_preprocessor.test_cfg.size == (512, 512)
