"""Few-configs: every one trains from a start, and its checkpoint is one like any other."""

import re

import pytest
import torch
from few_tunings import STARTS, tune, tuning, write_start
from mmengine.config import Config

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.test_output import describe_test_output, use_trained_output
from mmseg_mammo.engine.few.start import few_config, training_steps
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.index import read_index, write_index
from mmseg_mammo.io.shipped import find_config, shipped_configs

STATISTICS = ('running_mean', 'running_var', 'num_batches_tracked')
TUNINGS = [name.removeprefix('few/') for name in shipped_configs() if name.startswith('few/')]
# What of the tiny start is trained, its prompts included.
TRAINED = {
    'unet_full': r'.*',
    'unet_bias': r'.*(\.bias|\.bn\.weight|conv_seg\.weight)',
    'unet_head': r'(decode_head|backbone\.decoder\.0)\..*',
    'setr_full': r'.*',
    'setr_vpt': r'decode_head\..*|backbone\.prompts',
    'setr_bias': r'decode_head\..*|backbone\.prompts|backbone\..*\.bias',
    'setr_lora': r'decode_head\..*|.*\.lora_.*',
    'setr_head': r'decode_head\..*',
    'sam_decoder': r'mask_decoder\..*',
}


@pytest.fixture(scope='module')
def starts(prepared, tmp_path_factory):
    root = tmp_path_factory.mktemp('starts')
    return {kind: write_start(root / kind, name, prepared) for kind, name in STARTS.items()}


def start_of(name, starts):
    return starts[name.partition('_')[0]]


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


@pytest.mark.parametrize('name', TUNINGS)
def test_it_trains_what_it_says_and_is_loaded_alone(name, starts, prepared, tmp_path):
    start = start_of(name, starts)
    cfg = tuning(name, start, prepared, tmp_path)
    runner = tune(cfg)
    parameters = dict(runner.model.named_parameters())
    trained = {n for n, p in parameters.items() if p.requires_grad}
    assert trained == {n for n in parameters if re.fullmatch(TRAINED[name], n)}
    before, after = weights(start), weights(tmp_path / 'best.pth')
    both = {n for n in before if n in after and before[n].shape == after[n].shape}
    changed = {n for n in both if not torch.equal(before[n], after[n])}
    statistics = {n for n in changed if n.rpartition('.')[2] in STATISTICS}
    assert changed - statistics <= trained
    assert changed - statistics or name == 'setr_head'
    if name in ('unet_head', 'sam_decoder'):
        assert all(n.startswith(('decode_head.', 'backbone.decoder.0.')) for n in statistics)
    loaded = load_model(None, tmp_path / 'best.pth')
    assert type(loaded).__name__ == cfg.model.type
    record = read_record(tmp_path / 'best.pth')
    assert record['base'][0]['file'] == str(start)
    assert 'optimizer' not in torch.load(tmp_path / 'best.pth', weights_only=False)


def test_the_model_sees_images_as_the_start_did_and_cuts_where_it_did(prepared, tmp_path):
    def change(cfg):
        use_trained_output(cfg, threshold=0.3, temperature=2.0)

    start = write_start(tmp_path, 'unet_cbis', prepared, change=change)
    theirs = read_record(start)['config']
    cfg = tuning('unet_full', start, prepared, tmp_path / 'work')
    assert cfg.model.test_output == dict(threshold=0.3, temperature=2.0, flips=True)
    assert cfg.test_evaluator.threshold == cfg.test_evaluator.threshold == 0.3
    assert describe_test_output(cfg)['trained_threshold'] == 0.3
    pipeline = theirs['test_dataloader']['dataset']['pipeline']
    assert [dict(step) for step in cfg.test_dataloader.dataset.pipeline] == pipeline
    kinds = [step['type'] for step in cfg.train_dataloader.dataset.pipeline]
    assert kinds == [
        *('ReadMammogram', 'MapIntensity', 'LoadLesionMask', 'ResizeMammogram', 'RandomFlip'),
        *('RandomLesionAffine', 'RandomIntensity', 'MammoCLAHE', 'PackMammogram'),
    ]


def test_without_validation_images_there_is_none(starts, prepared, tmp_path):
    rows = [row for row in read_index(prepared / 'index.csv') if row.split != 'val']
    write_index(tmp_path / 'data' / 'index.csv', rows)
    for folder in ('images', 'masks'):
        (tmp_path / 'data' / folder).symlink_to(prepared / folder)
    cfg = tuning('unet_full', starts['unet'], tmp_path / 'data', tmp_path / 'work')
    assert cfg.get('val_dataloader') is None
    tune(cfg)
    assert (tmp_path / 'work' / 'best.pth').is_file()


def test_a_new_head_begins_at_random_and_learns_faster(starts, prepared, tmp_path):
    cfg = tuning('unet_bias', starts['unet'], prepared, tmp_path, new_head=True)
    cfg.optim_wrapper.optimizer.lr = 0.0
    runner = tune(cfg)
    before, after = weights(starts['unet']), weights(tmp_path / 'best.pth')
    assert not torch.equal(before['decode_head.conv_seg.bias'], after['decode_head.conv_seg.bias'])
    key = 'backbone.encoder.0.0.convs.0.conv.weight'
    assert torch.equal(before[key], after[key])
    rates = {group['lr'] for group in runner.optim_wrapper.param_groups}
    assert rates == {0.0}
    cfg = tuning('unet_full', starts['unet'], prepared, tmp_path, new_head=True)
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys == {'decode_head.': dict(lr_mult=10.0)}


def test_prompts_come_to_a_vit_without_and_those_that_it_has_stay(starts, prepared, tmp_path):
    plain = write_start(tmp_path, 'tuning/setr_pup_head_cbis', prepared)
    cfg = tuning('setr_vpt', plain, prepared, tmp_path / 'new')
    assert cfg.model.backbone.prompt_length == 50
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys == {'backbone.prompts': dict(lr_mult=10.0)}
    tune(cfg)
    assert weights(tmp_path / 'new' / 'best.pth')['backbone.prompts'].shape[1] == 50
    cfg = tuning('setr_vpt', starts['setr'], prepared, tmp_path / 'old')
    assert cfg.model.backbone.prompt_length == 2
    assert not cfg.optim_wrapper.get('paramwise_cfg')


def test_options_of_the_model_count_most(starts, prepared, tmp_path):
    cfg = tuning(
        'setr_vpt',
        starts['setr'],
        prepared,
        tmp_path,
        options={'model.backbone.prompt_dropout': 0.5, 'optim_wrapper.optimizer.lr': 1e-5},
    )
    assert (cfg.model.backbone.prompt_dropout, cfg.optim_wrapper.optimizer.lr) == (0.5, 1e-5)
    assert 'tuning' not in cfg


@pytest.mark.parametrize(
    ('name', 'kind', 'fitting'),
    [
        ('few/sam_decoder', 'unet', 'few/unet_full'),
        ('few/unet_full', 'sam', 'few/sam_decoder'),
        ('unet_cbis', 'setr', 'few/setr_vpt'),
    ],
)
def test_another_kind_of_start_is_refused_with_what_fits(name, kind, fitting, starts, prepared):
    with pytest.raises(MammoError, match=fitting):
        few_config(Config.fromfile(find_config(name)), starts[kind], prepared)


def test_a_start_without_a_config_or_a_file_is_refused(prepared, tmp_path):
    cfg = Config.fromfile(find_config('few/unet_full'))
    torch.save({'state_dict': {}}, tmp_path / 'plain.pth')
    with pytest.raises(CheckpointError, match='does not hold the config'):
        few_config(cfg, tmp_path / 'plain.pth', prepared)
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        few_config(cfg, tmp_path / 'missing.pth', prepared)


def test_a_test_without_resizing_cannot_be_trained():
    steps = [dict(type='ReadMammogram'), dict(type='PackMammogram')]
    with pytest.raises(MammoError, match='Resize and PackMammogram'):
        training_steps(steps, ())


def test_images_without_a_lesion_teach_to_mark_nothing(starts, prepared, tmp_path):
    rows = [
        row for row in read_index(prepared / 'index.csv') if row.split == 'test' or not row.mask
    ]
    index = tmp_path / 'normal.csv'
    write_index(index, rows)
    cfg = Config.fromfile(find_config('few/unet_full'))
    with pytest.raises(MammoError, match='no image of split train or val has an outlined lesion'):
        few_config(cfg, starts['unet'], prepared, ann_file=str(index))
