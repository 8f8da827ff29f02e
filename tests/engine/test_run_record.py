"""run.json of a training and of a test."""

import hashlib
import json
import subprocess
import sys

import pytest
import torch
from experiments import shrink
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_mammo.engine.run_record import config_hash, git_state, without_nan


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


def test_images_per_second_count_steps_after_the_warm_up(prepared, tmp_path):
    """Four images in four steps: the first three are not timed."""
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.train_dataloader.batch_size = 1
    cfg.train_dataloader.dataset.update(split='train')
    runner = Runner.from_cfg(cfg)
    runner.train()
    (hook,) = [hook for hook in runner.hooks if type(hook).__name__ == 'RunRecordHook']
    images, seconds = hook._timed
    assert images == 3 * (len(runner.train_dataloader) - 3) == 3
    assert record(tmp_path)['images_per_second'] == pytest.approx(images / seconds)


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


def test_json_has_no_nan():
    assert without_nan({'a': {'b': float('nan')}, 'c': 1.5}) == {'a': {'b': None}, 'c': 1.5}
