"""The config in a checkpoint comes back as it was, and nothing that it names can run."""

import copy
import sys

import numpy as np
import pytest
import torch
from class_configs import in_classes
from experiments import shrink
from mmengine.config import Config
from mmseg.registry import MODELS, TRANSFORMS
from records import RECORD, save

from mmseg_mammo.engine.config.stored import (
    plain,
    plain_settings,
    read_stored_config,
    without_lora,
)
from mmseg_mammo.engine.provenance import config_hash
from mmseg_mammo.errors import CheckpointError, DataFileError
from mmseg_mammo.io.shipped import find_config, shipped_configs

OF_THE_RUN = {
    *('work_dir', 'launcher', 'resume', 'load_from', 'device', 'experiment_name'),
    *('strategy', 'runner_type', 'model_wrapper_cfg'),
}


@pytest.fixture
def stored(tmp_path):
    """What comes back of a config, or of plain settings, out of a checkpoint."""

    def stored(cfg):
        settings = plain_settings(cfg) if isinstance(cfg, Config) else cfg
        return read_stored_config(save(tmp_path / 'a.pth', RECORD | {'config': settings}))

    return stored


@pytest.mark.parametrize('name', shipped_configs())
def test_every_shipped_config_comes_back_value_by_value(name, stored):
    cfg = Config.fromfile(find_config(name))
    if cfg.pop('tuning', None):  # has the model of the checkpoint that it begins from
        cfg.model = dict(type='InputGridEncoderDecoder')
    found = stored(cfg)
    expected = {key: value for key, value in cfg.to_dict().items() if key not in OF_THE_RUN}
    assert repr(found.to_dict()) == repr(expected)  # 1 is not 1.0, nor a list a tuple
    assert found.filename == 'unet_cbis.py'  # by the record
    if 'strategy' not in cfg:
        assert config_hash(found) == config_hash(cfg)


def test_a_cache_of_pixels_is_of_the_machine(stored):
    cfg = Config.fromfile(find_config('unet_cbis'))
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.cache = {'folder': '/fast/disk'}
    assert '/fast/disk' not in repr(stored(cfg).to_dict())


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_vpt_cbis', 'sam_lora_cbis'])
def test_it_builds_the_same_model(name, prepared, tmp_path, stored):
    cfg = shrink(name, prepared, tmp_path)
    ours, theirs = (MODELS.build(one.model).state_dict() for one in (cfg, stored(cfg)))
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


def test_a_config_in_classes_comes_back_in_names(tmp_path, stored):
    cfg = in_classes('unet_strong_cbis', tmp_path)
    assert any(isinstance(step.type, type) for step in cfg.test_dataloader.dataset.pipeline)
    found = stored(cfg)
    named = Config.fromfile(find_config('unet_strong_cbis'))
    for key in ('model', 'train_dataloader', 'test_dataloader', 'optim_wrapper', 'param_scheduler'):
        assert found[key] == named[key], key
    for step in found.test_dataloader.dataset.pipeline:
        TRANSFORMS.build(step)


def test_layers_that_lora_is_put_into_are_no_types(stored):
    targets = [dict(type='layers.11.attn.qkv'), dict(type='.*proj', rank=2)]
    lora = dict(type='mmpretrain.LoRAModel', module=dict(type='mmseg.UNet'), targets=targets)
    found = stored(Config(dict(model=dict(type='EncoderDecoder', backbone=lora))))
    assert found.model.backbone.to_dict() == lora


def test_without_lora_the_layers_themselves_stand_there():
    lora = dict(type='mmpretrain.LoRAModel', module=dict(type='UNet', a=1), targets=[], rank=8)
    assert without_lora(dict(model=dict(backbone=lora), b=(lora,))) == dict(
        model=dict(backbone=dict(type='UNet', a=1)), b=(dict(type='UNet', a=1),)
    )


def test_values_of_other_libraries_become_plain(tmp_path):
    found = plain(dict(a=np.float64(0.5), b=np.int64(3), c=tmp_path, d=[None, True, 'x']))
    assert found == dict(a=0.5, b=3, c=str(tmp_path), d=[None, True, 'x'])
    assert [type(found[key]) for key in 'abc'] == [float, int, str]


SMALL = {
    'default_scope': 'mmseg',
    'model': {'type': 'EncoderDecoder', 'backbone': {'type': 'UNet'}},
    'train_dataloader': {'dataset': {'type': 'MammographyDataset', 'pipeline': []}},
    'train_cfg': {'type': 'EpochBasedTrainLoop', 'max_epochs': 3},
    'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW'}},
    'test_dataloader': {'dataset': {'type': 'MammographyDataset', 'data_root': 'data/a'}},
}


def changed(place, value):
    settings = copy.deepcopy(SMALL)
    *parents, last = place.split('.')
    node = settings
    for name in parents:
        node = node.setdefault(name, {})
    node[last] = value
    return settings


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that is on the path, and makes a folder when it is imported; the folder."""
    made = tmp_path / 'made'
    text = f'import os\nos.mkdir({str(made)!r})\nThing = dict\n'
    (tmp_path / 'evil_module.py').write_text(text)
    (tmp_path / 'evil_package').mkdir()
    (tmp_path / 'evil_package' / '__init__.py').write_text('')
    (tmp_path / 'evil_package' / 'registry.py').write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield made
    for name in ('evil_module', 'evil_package', 'evil_package.registry'):
        sys.modules.pop(name, None)


MALICIOUS = [
    ('model.type', 'os.system'),
    ('model.type', 'subprocess.Popen'),
    ('model.backbone.type', 'evil_module.Thing'),
    ('model.backbone.type', 'evil_module'),  # MMEngine imports a bare name, too
    ('model.backbone.type', 'evil_package.Thing'),
    ('model.backbone.type', ['UNet']),
    ('model.backbone.type', {'a': 1}),
    ('model.backbone.type', 3),
    ('model.backbone.type', 'mmengine.load'),  # unpickles
    ('model.backbone.type', 'mmengine.rmtree'),
    ('model.backbone.type', 'mmcv.convert_video'),  # runs a shell
    ('model.backbone.type', 'mmseg.TIMMBackbone'),  # downloads by name
    ('model.backbone._scope_', 'evil_package'),
    ('default_scope', 'evil_package'),
    ('default_scope', ['evil_package']),
    ('test_dataloader.collate_fn', {'type': 'evil_module.Thing'}),
    ('test_dataloader.worker_init_fn', {'type': 'os.system'}),
    ('test_dataloader.dataset.pipeline', [{'type': 'mmseg.Foo'}]),
    ('test_dataloader.dataset.ann_file', 'http://example.org/evil.pkl'),
    ('test_dataloader.dataset.pipeline', [{'type': 'Resize', 'decode_backend': 'pickle'}]),
    # MMEngine's YAML makes any object; losses read their weights from such a file when they are built.
    ('model.class_weight', 'http://example.org/evil.yaml'),
    ('test_dataloader.dataset.ann_file', 'http://example.org/evil.yml'),
    ('custom_hooks', [{'type': 'mmpretrain.SwAVHook'}]),  # unpickles a file of the work folder
    ('custom_hooks', [{'type': 'RFSearchHook', 'config': {}}]),  # evaluates text
    ('custom_hooks', [{'type': 'EMAHook', 'ema_type': 'evil_module.Thing'}]),
    ('default_hooks', {'a': {'type': 'evil_module.Thing'}}),
    ('visualizer', {'type': 'evil_module.Thing'}),
    ('model.act_layer', {'(not stored)': "<class 'torch.nn.GELU'>"}),
]


@pytest.mark.parametrize(('place', 'value'), MALICIOUS)
def test_what_might_run_something_is_refused_before_it_does(place, value, stored, evil):
    key = place.rpartition('.')[2] if not isinstance(value, (list, dict)) else place.split('.')[0]
    with pytest.raises(CheckpointError, match=rf'of the config inside, .*{key}') as caught:
        stored(changed(place, value))
    assert 'Give the config, if you trust it' in str(caught.value)
    assert '\n' not in str(caught.value)
    assert not evil.exists()


@pytest.mark.parametrize('kind', ['evil_module.Thing', 'evil_package.Thing'])
def test_mmengine_alone_would_have_run_it(kind, evil):
    """Else the tests above would prove nothing."""
    with pytest.raises(Exception, match='Thing'):
        MODELS.build({'type': kind, 'a': object})
        raise KeyError('Thing')
    assert evil.exists()


@pytest.mark.parametrize(
    'imports', [['evil_module'], 'evil_module', ['mmseg_mammo', 'evil_module'], None, 3, {}]
)
def test_imports_are_not_followed_beyond_this_package(imports, stored, evil):
    found = stored(SMALL | {'custom_imports': {'imports': imports, 'allow_failed_imports': False}})
    own = ['mmseg_mammo'] if isinstance(imports, list) and len(imports) == 2 else []
    assert found.custom_imports.imports == own
    assert not evil.exists()


@pytest.mark.parametrize(
    ('place', 'value'),
    [
        ('train_dataloader.dataset.pipeline', [{'type': 'evil_module.Thing'}]),
        ('train_dataloader.collate_fn', {'type': 'evil_module.Thing'}),
        ('optim_wrapper.constructor', 'MyConstructor'),
        ('optim_wrapper.optimizer.type', 'evil_module.Thing'),
    ],
)
def test_a_training_that_cannot_be_repeated_is_left_out_as_a_whole(place, value, stored, evil):
    """Augmentation or an optimiser of a user's own; MMEngine wants all three parts or none."""
    found = stored(changed(place, value)).to_dict()
    assert found == {key: SMALL[key] for key in ('default_scope', 'model', 'test_dataloader')} | {}
    assert not evil.exists()


def test_so_are_a_validation_and_what_no_runner_reads(stored):
    settings = changed('val_evaluator', {'type': 'MyMetric'})
    settings |= {'val_cfg': {'type': 'ValLoop'}, 'steps': [{'type': 'ShiftScaleRotate'}]}
    assert stored(settings).to_dict() == SMALL


def test_the_runner_and_its_processes_are_left_to_the_run(stored, evil):
    settings = SMALL | {'runner_type': 'evil_module.Thing', 'strategy': {'type': 'FSDPStrategy'}}
    settings |= {'filename': 'a', 'env_variables': {}}  # which a Config has of its own
    assert stored(settings).to_dict() == SMALL
    assert not evil.exists()


def test_a_file_of_predictions_may_be_a_pickle_since_it_is_written(stored):
    metric = {'type': 'DumpResults', 'out_file_path': 'a.pkl'}
    assert stored(SMALL | {'test_evaluator': metric}).test_evaluator == metric


@pytest.mark.parametrize('model', [None, 3, []])
def test_without_a_model_there_is_no_config(model, stored):
    with pytest.raises(CheckpointError, match='does not hold the config'):
        stored(SMALL | {'model': model})


def test_the_folder_of_a_name_is_not_followed(tmp_path):
    path = save(tmp_path / 'a.pth', RECORD | {'name': '../../etc/unet', 'config': SMALL})
    assert read_stored_config(path).filename == 'unet.py'


def test_an_earlier_checkpoint_has_its_config_as_text(tmp_path):
    """In the folder of its training, which was called after the config."""
    cfg = Config.fromfile(find_config('unet_cbis'))
    folder = tmp_path / 'unet_cbis'
    folder.mkdir()
    found = read_stored_config(
        save(folder / 'epoch_1.pth', None, meta={'cfg': cfg.pretty_text, 'epoch': 1})
    )
    assert found.filename == 'unet_cbis.py'
    for key in ('model', 'test_dataloader', 'test_evaluator', 'custom_imports', 'train_dataloader'):
        assert found[key] == cfg[key], key


@pytest.mark.parametrize(
    ('meta', 'said'),
    [
        ({}, 'does not hold the config of its training'),
        ({'cfg': 3}, 'does not hold the config of its training'),
        ({'cfg': 'import evil_module\n'}, 'the config inside is not plain data'),
        ({'cfg': "a = __import__('evil_module')"}, 'the config inside is not plain data'),
        ({'cfg': "model = dict(type='evil_module.Thing')"}, 'cannot be built from a checkpoint'),
    ],
)
def test_text_is_never_run(meta, said, tmp_path, evil):
    with pytest.raises(CheckpointError, match=f'a.pth.*{said}.*Give the config'):
        read_stored_config(save(tmp_path / 'a.pth', None, meta=meta))
    assert not evil.exists()


def test_a_file_of_weights_alone_has_no_config(tmp_path):
    torch.save({'w': torch.zeros(2)}, tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match='does not hold the config'):
        read_stored_config(tmp_path / 'a.pth')
    with pytest.raises(DataFileError, match=r'b\.pth: No such file'):
        read_stored_config(tmp_path / 'b.pth')


def test_curves_stay_on_this_machine(stored):
    cfg = Config.fromfile(find_config('unet_cbis'))
    cfg.visualizer.vis_backends = [dict(type='WandbVisBackend'), dict(type='LocalVisBackend')]
    found = stored(cfg)
    assert found.visualizer.vis_backends == [dict(type='LocalVisBackend')]
    assert found.visualizer.type == 'SegLocalVisualizer'
