"""run.json of a training and of a test."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch
from experiments import shrink
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.engine.hooks.run_record import _facts_of


def record(work_dir):
    (path,) = work_dir.glob('*/run.json')
    return json.loads(path.read_text(), parse_constant=pytest.fail)


def test_a_training_and_its_test_say_what_they_were(prepared, tmp_path):
    Runner.from_cfg(shrink('setr_pup_vpt_cbis', prepared, tmp_path / 'a')).train()
    found = record(tmp_path / 'a')
    assert (found['mode'], found['state'], found['epochs']) == ('train', 'finished', 3)
    assert found['parameters']['all']['trained'] == sum(
        part['trained'] for name, part in found['parameters'].items() if name != 'all'
    )
    assert found['parameters']['backbone']['trained'] == 2 * 2 * 24
    assert found['stopped_early'] is False
    assert found['last_checkpoint'].endswith('epoch_3.pth')
    assert found['versions']['torch'].split('+')[0] == torch.__version__.split('+')[0]
    assert found['versions']['python'] == sys.version.split()[0]
    assert found['peak_gpu_memory_gib'] is None or torch.cuda.is_available()
    assert found['peak_memory_gib'] > 0.05
    train = found['data']['train']
    index = hashlib.sha256((prepared / 'index.csv').read_bytes()).hexdigest()
    assert train['index_sha256'] == index
    assert (train['images'], train['patients']) == (4, 2)
    assert train['annotated'] == {'lesion': 3, 'normal': 1}
    assert train['mask_kind'] == {'phantom': 4}
    assert (found['seed'], found['deterministic'], found['batch_size']) == (0, False, 2)

    cfg = shrink('setr_pup_vpt_zgt', prepared, tmp_path / 'b')
    cfg.load_from = found['last_checkpoint']
    scores = Runner.from_cfg(cfg).test()
    tested = record(tmp_path / 'b')
    assert (tested['mode'], tested['state']) == ('test', 'finished')
    assert tested['checkpoint'] == found['last_checkpoint']
    assert tested['checkpoint_iter'] == 6
    content = Path(found['last_checkpoint']).read_bytes()
    assert tested['checkpoint_sha256'] == hashlib.sha256(content).hexdigest()
    assert tested['tuned_from'] is None
    assert tested['scores']['images'] == scores['images'] == tested['data']['test']['images'] == 2
    assert 'train' not in tested['data']


def test_a_checkpoint_of_another_program_has_its_hash(tmp_path):
    file = tmp_path / 'old.pth'
    torch.save({'state_dict': {}}, file, _use_new_zipfile_serialization=False)
    assert _facts_of(str(file)) == {
        'checkpoint_iter': None,
        'checkpoint_sha256': hashlib.sha256(file.read_bytes()).hexdigest(),
        'tuned_from': None,
    }
    assert set(_facts_of(str(tmp_path / 'none.pth')).values()) == {None}


class Stop(Hook):
    def before_train_epoch(self, runner):
        if runner.epoch == 2:
            raise KeyboardInterrupt


def test_a_killed_training_leaves_what_was_known(prepared, tmp_path):
    runner = Runner.from_cfg(shrink('unet_cbis', prepared, tmp_path))
    runner.register_hook(Stop())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert (record(tmp_path)['state'], record(tmp_path)['epochs']) == ('running', 2)


class Wait(Hook):
    """Let a step take a second, and each of the first three a hundred, of a clock of our own."""

    def __init__(self, now):
        self.now = now

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.now[0] += 100 if batch_idx < 3 else 1

    before_test_iter = before_train_iter


@pytest.mark.parametrize('mode', ['train', 'test'])
def test_images_per_second_count_loading_and_the_steps_after_the_warm_up(
    mode, prepared, tmp_path, monkeypatch
):
    """Four images in four steps; the last one is loaded in two seconds and seen in one."""
    now = [0.0]
    load = MammographyDataset.prepare_data

    def slow(dataset, index):
        now[0] += 2
        return load(dataset, index)

    monkeypatch.setattr(MammographyDataset, 'prepare_data', slow)
    monkeypatch.setattr('mmseg_mammo.engine.hooks.run_record.clock', lambda: now[0])
    cfg = shrink('unet_cbis', prepared, tmp_path)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.batch_size = 1
        loader.dataset.split = 'train'
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Wait(now))
    getattr(runner, mode)()
    assert record(tmp_path)['images_per_second'] == pytest.approx(1 / 3)


def test_data_sets_inside_another_are_described_one_by_one(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    ours = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[ours, {**ours, 'finding': 'mass'}]
    )
    theirs = cfg.val_dataloader.dataset
    cfg.val_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[theirs, {**theirs, 'split': 'test'}]
    )
    Runner.from_cfg(cfg).train()
    train, val = (record(tmp_path)['data'][split] for split in ('train', 'val'))
    assert [(member['split'], member['images']) for member in val['members']] == [
        ('val', 2),
        ('test', 2),
    ]
    assert (train['type'], train['images']) == ('ConcatDataset', 7)
    assert [member['images'] for member in train['members']] == [4, 3]
    assert [member['finding'] for member in train['members']] == [None, 'mass']
