"""``--cfg-options``: what has no effect is refused, with the place that has."""

import argparse
from functools import partial

import pytest
from experiments import CONFIGS
from mmengine.config import Config

from mmseg_mammo.engine.config.overrides import Options, override
from mmseg_mammo.errors import MammoError

VPT = CONFIGS / 'setr_pup_vpt_cbis.py'


def parsed(*words):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=Options)
    return parser.parse_args(['--cfg-options', *words]).cfg_options


def given(words, path=VPT):
    cfg = Config.fromfile(path)
    override(cfg, parsed(*words.split()))
    return cfg


@pytest.mark.parametrize(
    'words',
    [
        'model.backbone.prompt_depth=12',
        'model.backbone.drop_rate=0.1',  # of mmpretrain's class
        'model.backbone.arch.embed_dims=96',
        'model.decode_head.norm_cfg.requires_grad=True',
        'model.auxiliary_head.type=FCNHead',
        'model.test_cfg.stride=(10,10)',
        'model.data_preprocessor.test_cfg.size=(9,9)',
        'optim_wrapper.clip_grad.max_norm=1',
        'optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult=2',
        'optim_wrapper.optimizer.weight_decay=0.1',
        'optim_wrapper.optimizer.type=SGD optim_wrapper.optimizer.momentum=0.9',
        'param_scheduler=None',
        'param_scheduler.0.min_value=1e-7',
        'param_scheduler.0.convert_to_iter_based=True',
        'default_hooks.ema=None',
        'default_hooks.ema.type=EMAHook default_hooks.ema.momentum=0.1',
        'default_hooks.checkpoint.save_trained_only=True',
        'default_hooks.checkpoint.save_optimizer=False',
        'custom_hooks.0.priority=LOW',
        'train_dataloader.pin_memory=True',
        'train_dataloader.dataset.views=[MLO]',
        'train_dataloader.dataset.indices=3',
        'train_dataloader.sampler._delete_=True train_dataloader.sampler.anything=1',
        'randomness.deterministic=True',
        'auto_scale_lr.enable=True',
        'visualizer.vis_backends.0.save_dir=x',
        'val_cfg.fp16=True',
        'compile=True',
        'work_dir=w',
        'mine=3',
    ],
)
def test_settings_that_something_reads_are_taken(words):
    cfg = given(words)
    path, value = next(iter(parsed(*words.split()[-1:]).items()))
    node = cfg
    for part in path.split('.'):
        node = node[int(part)] if isinstance(node, list) else node[part]
    assert node == value


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ('model.backbone.pretraind=x', 'has no pretraind. Allowed: model.backbone.pretrained'),
        ('model.bakbone.pretrained=x', 'Allowed: model.backbone'),
        ('model.backbone.arch.num_layer=2', 'Allowed: model.backbone.arch.num_layers'),
        ('model.decode_head.chanels=2', 'Allowed: model.decode_head.channels'),
        ('model.decode_head.norm_cfg.tpye=BN', 'Allowed: model.decode_head.norm_cfg.type'),
        ('train_dataloader.dataset.data_rot=x', 'Allowed: train_dataloader.dataset.data_root'),
        ('train_dataloader.batchsize=4', 'Allowed: train_dataloader.batch_size'),
        ('train_dataloader.foo=4', 'train_dataloader has no foo. Allowed: batch_sampler'),
        ('train_cfg.max_epoch=3', 'Allowed: train_cfg.max_epochs'),
        ('optim_wrapper.optimizer.lrr=3', 'Allowed: optim_wrapper.optimizer.lr'),
        ('param_scheduler.5.factor=3', 'has no item 5. Allowed: items 0 to 0'),
        ('param_scheduler.factor=3', 'has no item factor'),
        ('default_hooks.chekpoint.interval=3', 'Allowed: default_hooks.checkpoint'),
        ('default_hooks.ema.momentum=0.1', 'default_hooks has no ema'),
        ('default_hooks.visualization.drw=True', 'Allowed: default_hooks.visualization.draw'),
        ('randomness.sed=1', 'Allowed: randomness.seed'),
        ('log_level.x=1', "log_level is 'INFO', which has nothing below it"),
        ('load_from.x=1', 'load_from is None'),
        ('modle.backbone.pretrained=x', 'Allowed: model'),
        ('trian_dataloader.batch_size=4', 'Allowed: train_dataloader'),
        ('lr=1', 'Allowed: optim_wrapper.optimizer.lr'),
        ('backbone.pretrained=x', 'Allowed: model.backbone.pretrained'),
        ('batch_size=4', 'Allowed: train_dataloader.batch_size or val_dataloader.batch_size'),
        ('model.backbone=1 model.backbone.pretrained=x', 'none of them inside another'),
        (
            'model.test_output=dict(threshold=0.3)',
            'a dict cannot be given there. Allowed: its keys one by one, model.test_output.KEY=VALUE',
        ),
        ("model.test_output={'threshold':0.3}", 'a dict cannot be given there'),
        ("custom_hooks=[dict(type='X')]", 'a dict cannot be given there'),
    ],
)
def test_settings_that_nothing_reads_are_refused_with_the_right_one(words, said):
    with pytest.raises(MammoError) as refused:
        given(words)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ('words', 'place'),
    [
        ('vis_backends.0.type=TensorboardVisBackend', 'visualizer.vis_backends.0.type'),
        ('vis_backends=[]', 'visualizer.vis_backends'),
        ('train_pipeline.1.intensity=x', 'train_dataloader.dataset.pipeline.1.intensity'),
        ('test_pipeline=[]', 'val_dataloader.dataset.pipeline, test_dataloader.dataset.pipeline'),
    ],
)
def test_a_copied_variable_is_refused_with_the_places_of_its_copies(words, place):
    with pytest.raises(MammoError, match='no effect') as refused:
        given(words)
    assert place in str(refused.value)
    override(Config.fromfile(VPT), parsed(f'{place.split(", ")[0]}=[]'))


def test_variables_of_the_hosts_users_too(tmp_path):
    path = tmp_path / 'c.py'
    path.write_text(
        "data_root = 'data/a'\nextra = dict(finding='mass')\n"
        'train_dataloader = dict(dataset=dict(data_root=data_root, **extra))\nfree = 1\n'
    )
    for words, place in (
        ('data_root=b', 'train_dataloader.dataset.data_root'),
        ('extra.finding=x', 'train_dataloader.dataset.finding'),
    ):
        with pytest.raises(MammoError, match=f'no effect.* {place}'):
            given(words, path)
    assert given('free=2', path).free == 2  # a hook of theirs may read it


@pytest.mark.parametrize('word', ['model.backbone.pretrained', 'a=[1,2', 'a=(1,[2)'])
def test_words_that_are_no_setting_say_so(word, capsys):
    with pytest.raises(SystemExit):
        parsed(word)
    assert f'--cfg-options {word}: KEY=VALUE' in capsys.readouterr().err


def test_a_class_as_type_is_looked_into_as_its_name_is():
    from mmseg_mammo.models import VPTVisionTransformer

    cfg = Config.fromfile(VPT)
    cfg.model.backbone.type = VPTVisionTransformer
    refuse = partial(override, cfg, {'model.backbone.promt_length': 3})
    with pytest.raises(MammoError, match=r'Allowed: model\.backbone\.prompt_length'):
        refuse()
