"""run.json of a training and of a test."""

import hashlib
import json
import subprocess
import sys

import pytest
import torch
import torch.distributed as dist
from experiments import shrink
from mmengine.hooks import Hook
from mmengine.runner import Runner
from processes import in_processes

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.engine.provenance import config_hash, git_state, over_processes
from mmseg_mammo.engine.runner import build_runner


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
    assert tested['scores']['images'] == scores['images'] == tested['data']['test']['images'] == 2
    assert 'train' not in tested['data']


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


def joined(images, seconds, peak):
    dist.init_process_group('gloo')
    rank = dist.get_rank()
    return over_processes(images[rank], seconds[rank], peak[rank])


def test_processes_add_their_images_and_the_largest_memory_counts(free_port):
    """30 and 10 images at the same time, in 9 and 11 seconds: 4 images a second."""
    found = in_processes(2, free_port, joined, (30, 10), (9, 11), (1.5, 3.25))
    assert found == [(4, 3.25)] * 2
    assert over_processes(0, 0.0, 0.0) == (None, 0)


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


def hash_of(name, data, folder):
    """The hash that a process computes that was started by torchrun."""
    cfg = shrink(name, data, folder)
    cfg.launcher = 'pytorch'
    return config_hash(build_runner(cfg, 0).cfg)


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_finetune_fsdp_cbis'])
def test_the_config_hash_does_not_depend_on_how_processes_are_joined(
    name, prepared, tmp_path, free_port
):
    cfg = shrink(name, prepared, tmp_path)
    for split in ('val', 'test') if 'strategy' in cfg else ():
        cfg[f'{split}_dataloader'].sampler.round_up = True
    found = in_processes(2, free_port, hash_of, name, prepared, tmp_path)
    assert found == [config_hash(cfg)] * 2


def test_the_config_hash_is_of_the_experiment_not_of_the_run(prepared):
    one, two = (shrink('unet_cbis', prepared, folder) for folder in ('a', 'b'))
    assert config_hash(one) == config_hash(two)
    two.optim_wrapper.optimizer.lr = 1e-3
    assert config_hash(one) != config_hash(two)


def test_git_is_asked_and_its_absence_is_no_error(tmp_path, monkeypatch):
    assert git_state(tmp_path) is None
    git = ['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b.c']
    for command in (['init', '-q'], ['commit', '-q', '--allow-empty', '-m', 'x']):
        subprocess.run([*git, *command], check=True)
    state = git_state(tmp_path)
    assert len(state['commit']) == 40
    assert state['changed'] is False
    (tmp_path / 'new').write_text('x')
    assert git_state(tmp_path)['changed'] is True
    monkeypatch.setenv('PATH', '')
    assert git_state(tmp_path) is None
