"""What a run was made of."""

import hashlib
import json
import platform
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from experiments import shrink
from mmengine.config import Config
from processes import in_processes
from torch import nn

from mmseg_mammo.engine.provenance import (
    clock,
    combine_processes,
    config_hash,
    git_state,
    parameters,
    peak_resident_memory,
    run_hash,
    versions,
)
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.version import __version__


def joined(images, seconds, peak):
    dist.init_process_group('gloo')
    rank = dist.get_rank()
    return combine_processes(images[rank], seconds[rank], peak[rank])


def test_processes_add_their_images_and_the_largest_memory_counts(free_port):
    """30 and 10 images at the same time, in 9 and 11 seconds: 4 images a second."""
    found = in_processes(2, free_port, joined, (30, 10), (9, 11), (1.5, 3.25))
    assert found == [(4, 3.25)] * 2
    assert combine_processes(0, 0.0, 0.0) == (None, 0)


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
    two.train_dataloader.dataset.cache = {'folder': '/fast/disk'}
    assert config_hash(one) == config_hash(two)
    assert run_hash(one) == config_hash(one)
    two.experiment_name, two.visualizer.name = 'other', 'other'
    assert run_hash(one) == run_hash(two)
    two.optim_wrapper.optimizer.lr = 1e-3
    assert config_hash(one) != config_hash(two)
    assert run_hash(one) != run_hash(two)


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


@pytest.mark.parametrize(
    ('change', 'same'),
    [
        ({'work_dir': 'b', 'resume': True, 'device': 'cpu', 'launcher': 'slurm'}, True),
        ({'test_evaluator': {'type': 'M', 'output_dir': 'masks', 'keep_results': True}}, True),
        ({'test_evaluator': [{'type': 'M'}, {'type': 'N', 'eval_size': 224}]}, False),
        ({'test_evaluator': {'type': 'M', 'eval_size': 224}}, False),
        ({'strategy': {'model_wrapper': {'device_id': 1}}}, True),
        ({'strategy': {'model_wrapper': {'device_id': 0, 'other': 1}}}, False),
        ({'randomness': {'seed': 1}}, False),
    ],
)
def test_what_belongs_to_one_run_is_not_hashed(change, same):
    plain = {'test_evaluator': {'type': 'M'}, 'strategy': {'model_wrapper': {'device_id': 0}}}
    before, after = Config(plain), Config({**plain, **change})
    assert (config_hash(before) == config_hash(after)) is same
    assert after.to_dict() == {**plain, **change}  # left as it was


def test_the_folder_of_any_of_several_metrics_is_not_hashed():
    plain = [{'type': 'M'}, {'type': 'N'}]
    folders = [{'type': 'M', 'output_dir': 'a'}, {'type': 'N', 'keep_results': True}]
    hashes = {config_hash(Config({'test_evaluator': one})) for one in (plain, folders)}
    assert len(hashes) == 1


def test_the_hash_is_sha_256_of_the_sorted_settings():
    settings = {'b': 1, 'a': {'lr': 0.1, 'betas': [0.9, 0.999]}}
    text = json.dumps(settings, sort_keys=True)
    assert config_hash(Config(settings)) == hashlib.sha256(text.encode()).hexdigest()


def test_parameters_are_counted_by_part_and_parts_without_any_are_left_out():
    model = nn.ModuleDict({'backbone': nn.Linear(3, 4), 'act': nn.ReLU(), 'head': nn.Linear(4, 1)})
    model['backbone'].weight.requires_grad_(False)
    expected = {
        'all': {'total': 21, 'trained': 9},
        'backbone': {'total': 16, 'trained': 4},
        'head': {'total': 5, 'trained': 5},
    }
    assert parameters(model) == parameters(nn.DataParallel(model)) == expected


def test_versions_are_of_what_is_installed():
    found = versions(('numpy', 'pytest', 'a-package-that-nobody-has'))
    assert found['numpy'] == np.__version__
    assert found['pytest'] == pytest.__version__
    assert found['python'] == platform.python_version()
    assert found['mmseg_mammo'] == __version__
    assert found.get('cuda') == torch.version.cuda
    assert 'a-package-that-nobody-has' not in found


@pytest.mark.parametrize('gpu', [False, True])
def test_the_clock_waits_for_a_gpu(gpu, monkeypatch):
    waited = []
    monkeypatch.setattr('mmseg_mammo.engine.provenance.on_gpu', lambda: gpu)
    monkeypatch.setattr('torch.cuda.synchronize', lambda: waited.append(1))
    monkeypatch.setattr('time.perf_counter', lambda: 12.5)
    assert clock() == 12.5
    assert len(waited) == gpu


@pytest.mark.parametrize(('system', 'unit'), [('linux', 2**20), ('darwin', 2**30)])
def test_memory_is_in_gib_whatever_the_systems_unit(system, unit, monkeypatch):
    monkeypatch.setattr('sys.platform', system)
    usage = SimpleNamespace(ru_maxrss=3 * unit)
    monkeypatch.setattr('resource.getrusage', lambda _: usage)
    assert peak_resident_memory() == 3
