"""What a training may be resumed with, and what makes another training of it."""

import json
from dataclasses import replace

import pytest
import torch
from experiments import in_one_step, shrink
from mmengine.config import Config
from mmengine.runner import Runner
from prepared_sets import write_prepared

from mmseg_mammo.engine.config.edits import use_mixed_precision, use_side
from mmseg_mammo.engine.resume import DATA, data_differences, data_of, differences, facts_of
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.index import read_index, write_index
from mmseg_mammo.io.shipped import find_config


def config(name='setr_pup_vpt_strong_cbis'):
    return Config.fromfile(find_config(name))


def changed(name='setr_pup_vpt_strong_cbis', **options):
    cfg = config(name)
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        ('model.backbone.prompt_length', 10),
        ('model.backbone.drop_rate', 0.1),  # a new key
        ('model.decode_head.loss_decode.1.loss_weight', 2.0),
        ('model.data_preprocessor.mean', [123.675, 116.28, 103.53]),
        ('train_dataloader.batch_size', 8),
        ('train_dataloader.dataset.finding', 'mass'),
        ('train_dataloader.dataset.pipeline.1.intensity', 'percentile'),
        ('train_dataloader.sampler.power', 1.0),
        ('val_dataloader.dataset.split', 'test'),
        ('val_evaluator.type', 'IoUMetric'),
        ('optim_wrapper.optimizer.lr', 1e-2),
        ('optim_wrapper.optimizer.type', 'SGD'),
        ('optim_wrapper.accumulative_counts', 2),
        ('param_scheduler.0.end', 3),
        ('train_cfg.val_interval', 2),
        ('randomness.seed', 1),
        ('default_hooks.ema', None),
        ('default_hooks.ema.momentum', 0.1),
        ('auto_scale_lr.enable', True),
    ],
)
def test_what_changes_the_result_is_refused(path, value):
    cfg = config()
    cfg.merge_from_dict({path: value})
    refused, listed = differences(config(), cfg, data_known=True)
    assert len(refused) == 1, (refused, listed)
    assert refused[0].startswith(path.removesuffix('.type').removesuffix('.enable')), refused
    assert not listed


def test_a_training_of_an_earlier_version_goes_on():
    earlier = in_one_step(config('setr_pup_vpt_cbis'))
    assert earlier.train_dataloader.dataset.pipeline[0].type == 'LoadMammogram'
    earlier.model.type = 'EncoderDecoder'
    del earlier.model.backbone['drop_rate'], earlier.default_hooks['console']
    earlier.custom_hooks = [h for h in earlier.custom_hooks if h.type != 'ProspectsHook']
    refused, listed = differences(earlier, config('setr_pup_vpt_cbis'), data_known=True)
    assert not refused
    assert not [phrase for phrase in listed if phrase.startswith('model')]


def test_an_argument_at_its_default_is_as_good_as_left_out():
    for path, value in {
        'model.backbone.drop_path_rate': 0.0,
        'optim_wrapper.optimizer.betas': [0.9, 0.999],
        'default_hooks.nothing': dict(type='NoHook'),
        'model.test_output': dict(flips=False, temperature=1.0),
    }.items():
        cfg = config('setr_pup_vpt_cbis')
        cfg.merge_from_dict({path: value})
        assert differences(config('setr_pup_vpt_cbis'), cfg, data_known=True) == ([], []), path


def test_two_hooks_of_one_type_are_both_compared():
    hooks = [dict(type='EarlyStoppingHook', monitor=m, patience=5) for m in ('iou', 'dice')]
    one, other = changed(custom_hooks=hooks), changed(custom_hooks=hooks)
    other.custom_hooks[0].patience = 9
    refused, _ = differences(one, other, data_known=True)
    assert len(refused) == 1


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        ('train_dataloader.num_workers', 0),
        ('val_dataloader.batch_size', 1),
        ('default_hooks.logger.interval', 1),
        ('default_hooks.checkpoint.interval', 5),
        ('custom_hooks.6.count', 3),
        ('log_level', 'ERROR'),
        ('test_dataloader.dataset.split', 'val'),
        ('visualizer.name', 'mine'),
        ('model.backbone.pretrained', '/elsewhere/ViT-L_16.npz'),
        ('train_dataloader.dataset.data_root', '/elsewhere'),
        ('train_dataloader.dataset.cache', {'limit': '5GB'}),
        ('val_dataloader.dataset.pipeline.5.one_channel', False),
        ('train_dataloader.dataset.pipeline.8.small_masks', False),
    ],
)
def test_what_does_not_is_listed(path, value):
    cfg = config()
    cfg.merge_from_dict({path: value})
    refused, listed = differences(config(), cfg, data_known=True)
    assert not refused
    assert len(listed) == 1
    assert str(value) in listed[0]


def test_what_belongs_to_a_run_is_not_even_listed():
    cfg = config()
    cfg.merge_from_dict({'work_dir': 'w', 'resume': True, 'load_from': 'a.pth', 'mine': 3})
    assert differences(config(), cfg, data_known=False) == ([], [])


def test_another_side_and_mixed_precision_are_refused():
    for change in (lambda cfg: use_side(cfg, 512), use_mixed_precision):
        cfg = config()
        change(cfg)
        assert differences(config(), cfg, data_known=True)[0]


def test_another_folder_counts_where_nothing_is_known_of_the_data():
    cfg = changed(train_dataloader__dataset__data_root='data/ours')
    assert differences(config(), cfg, data_known=False)[0]


def test_hooks_of_a_user_may_change_the_result_and_those_that_write_do_not():
    cfg = config()
    cfg.custom_hooks.append(dict(type='EMAHook'))
    assert 'EMAHook' in differences(config(), cfg, data_known=True)[0][0]
    cfg = config()
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'ViewerHook']
    refused, listed = differences(config(), cfg, data_known=True)
    assert not refused
    assert 'ViewerHook' in listed[0]
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'EpochSeedHook']
    assert 'EpochSeedHook' in differences(config(), cfg, data_known=True)[0][0]


def test_lists_equal_tuples_and_classes_their_names():
    cfg = changed(optim_wrapper__optimizer__betas=[0.9, 0.999])
    cfg.optim_wrapper.optimizer.type = torch.optim.AdamW
    cfg.train_dataloader.dataset.type = 'mmseg_mammo.datasets.CBISDDSMDataset'
    assert differences(config(), cfg, data_known=True) == ([], [])


def test_the_data_are_known_from_the_checkpoint_or_else_from_the_run(tmp_path):
    one = {'train': {'index_sha256': 'a', 'images': 4}, 'processes': 1}
    other = {'train': {'index_sha256': 'b', 'images': 4}, 'processes': 2}
    assert data_of({'meta': {DATA: one}}, tmp_path) == one
    assert data_of({'meta': {}}, tmp_path) == {}
    (tmp_path / '1').mkdir()
    record = {'mode': 'train', 'processes': 2, 'data': {'train': {**other['train'], 'split': 'x'}}}
    (tmp_path / '1' / 'run.json').write_text(json.dumps(record))
    assert data_of({'meta': {}}, tmp_path) == other
    assert data_differences(one, one) == []
    found = data_differences(one, other)
    assert found == [
        '2 processes, were 1',
        'the images of train are others, or their index has changed',
    ]


@pytest.mark.slow
def test_a_training_is_not_resumed_on_an_index_that_has_changed(prepared, tmp_path):
    data = tmp_path / 'data'
    data.mkdir()
    for name in ('images', 'masks'):
        (data / name).symlink_to(prepared / name)
    write_index(data / 'index.csv', read_index(prepared / 'index.csv'))
    Runner.from_cfg(shrink('unet_cbis', data, tmp_path / 'w', epochs=1)).train()
    again = shrink('unet_cbis', prepared, tmp_path / 'w', epochs=2)  # equal data elsewhere
    again.resume = True
    Runner.from_cfg(again).train()
    write_index(data / 'index.csv', read_index(prepared / 'index.csv')[:-1])
    moved = shrink('unet_cbis', data, tmp_path / 'w', epochs=3)
    moved.resume = True
    with pytest.raises(CheckpointError, match=r'another training.*images of train are others'):
        Runner.from_cfg(moved).train()
    other = shrink('unet_cbis', prepared, tmp_path / 'w', epochs=3)
    use_side(other, 48)
    other.resume = True
    with pytest.raises(CheckpointError, match=r'size is \[48, 48\], was \[32, 32\]'):
        Runner.from_cfg(other).train()


def test_images_of_other_folders_are_compared_by_their_index_and_not_by_their_place(
    prepared, tmp_path
):
    def facts(*sources):
        cfg = shrink('unet_cbis', prepared, tmp_path)
        cfg.train_dataloader.dataset.normal_sources = [str(each) for each in sources]
        return facts_of(Runner.from_cfg(cfg))

    one = write_prepared(tmp_path / 'one', 2, source='one')
    two = write_prepared(tmp_path / 'two', 2, source='one')
    rows = read_index(two / 'index.csv')
    plain, before = facts(), facts(one)
    assert 'normal_sources' not in plain['train']
    assert before['train'] != plain['train']
    assert data_differences(before, facts(two)) == []
    write_index(two / 'index.csv', [replace(row, pathology='benign') for row in rows])
    assert len(data_differences(before, facts(two))) == 1
    path = 'train_dataloader.dataset.normal_sources'
    changed_place = [changed(**{path.replace('.', '__'): [name]}) for name in ('a', 'b')]
    assert differences(*changed_place, data_known=True)[0] == []
    assert differences(*changed_place, data_known=False)[0] != []
