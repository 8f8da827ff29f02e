"""A training that was killed and resumed ends where an uninterrupted one ends, bit for bit."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from experiments import shrink
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_mammo.engine.hooks.checkpoint import AtomicBackend


class Kill(Hook):
    """End the process in the middle of an epoch, as Ctrl-C would."""

    def __init__(self, epoch):
        self.epoch = epoch

    def after_train_iter(self, runner, *parts, **more):
        if runner.epoch == self.epoch:
            raise KeyboardInterrupt


def recipe(name, data, work_dir):
    """Strong or thesis, with rules so short that they fire within six epochs."""
    cfg = shrink(name, data, work_dir, epochs=6)
    cfg.model.decode_head.dropout_ratio = 0.3
    if name == 'unet_cbis':
        cfg.optim_wrapper.optimizer.lr = 0.05
        cfg.param_scheduler[0].patience = 0
    cfg.train_dataloader.update(num_workers=1, persistent_workers=True)  # as shipped
    return cfg


def run(cfg, kill=None):
    runner = Runner.from_cfg(cfg)
    if kill is None:
        runner.train()
    else:
        runner.register_hook(Kill(kill))
        with pytest.raises(KeyboardInterrupt):
            runner.train()
    workers = runner.train_dataloader._iterator
    if workers is not None:  # garbage collection would wait for them, seconds each
        workers._shutdown_workers()
    return runner


def tensors(value, prefix=''):
    """Every tensor and number of a checkpoint, by its path."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, (list, tuple)):
        pairs = enumerate(value)
    else:
        return {prefix: value}
    return {k: v for key, item in pairs for k, v in tensors(item, f'{prefix}/{key}').items()}


@pytest.mark.parametrize('name', ['unet_cbis', 'unet_strong_cbis'])
def test_killed_and_resumed_is_uninterrupted(name, prepared, tmp_path):
    run(recipe(name, prepared, tmp_path / 'whole'))
    run(recipe(name, prepared, tmp_path / 'parts'), kill=3)
    assert (tmp_path / 'parts' / 'last_checkpoint').read_text().endswith('epoch_3.pth')
    cfg = recipe(name, prepared, tmp_path / 'parts')
    cfg.resume = True
    run(cfg)
    whole, parts = (
        torch.load(tmp_path / folder / 'epoch_6.pth', weights_only=False)
        for folder in ('whole', 'parts')
    )
    for part in ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers'):
        ours, theirs = tensors(whole.get(part, {})), tensors(parts.get(part, {}))
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            same = (
                torch.equal(value, theirs[key]) if torch.is_tensor(value) else value == theirs[key]
            )
            assert same, (part, key)
    ours, theirs = whole['message_hub']['runtime_info'], parts['message_hub']['runtime_info']
    assert ours['best_score'] == theirs['best_score']
    assert Path(ours['best_ckpt']).name == Path(theirs['best_ckpt']).name
    kept = {path.name for path in (tmp_path / 'parts').glob('*.pth')}
    assert kept == {path.name for path in (tmp_path / 'whole').glob('*.pth')}
    assert len(kept) == 2


def test_the_checkpoint_of_an_epoch_knows_its_validation(prepared, tmp_path):
    runner = run(shrink('unet_cbis', prepared, tmp_path), kill=2)
    checkpoint = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    assert checkpoint['meta']['epoch'] == 2
    assert checkpoint['meta']['iter'] == 4
    (plateau,) = checkpoint['param_schedulers']
    history = runner.message_hub.get_scalar('val/val_loss').data[0]
    assert plateau['best'] == history.min()
    assert checkpoint['message_hub']['runtime_info']['best_train_loss'] < np.inf


def test_without_validation_the_last_checkpoint_is_saved_all_the_same(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.save_best = None
    run(cfg)
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_3.pth']


def test_every_file_is_written_once_an_epoch(prepared, tmp_path, monkeypatch):
    written = []
    put = AtomicBackend.put

    def count(backend, obj, filepath):
        written.append(Path(filepath).name)
        put(backend, obj, filepath)

    monkeypatch.setattr(AtomicBackend, 'put', count)
    run(shrink('unet_cbis', prepared, tmp_path))
    assert len(written) == len(set(written))
    assert {'epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth', 'best_lesion_dice_epoch_1.pth'} <= {
        *written
    }


def test_epochs_that_are_not_due_are_not_saved(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=5)
    cfg.default_hooks.checkpoint.update(interval=2, max_keep_ckpts=-1, save_best=None)
    run(cfg)
    names = sorted(path.name for path in tmp_path.glob('*.pth'))
    assert names == ['epoch_2.pth', 'epoch_4.pth', 'epoch_5.pth']


def test_a_kill_while_writing_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / 'epoch_1.pth'
    AtomicBackend().put(b'old', str(path))
    monkeypatch.setattr('os.fdopen', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        AtomicBackend().put(b'new', str(path))
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def test_a_copied_work_folder_leaves_the_original_alone(prepared, tmp_path):
    def part(folder, epochs):
        cfg = shrink('unet_cbis', prepared, tmp_path / folder, epochs)
        cfg.default_hooks.checkpoint.update(save_best='val_loss', rule='less')
        cfg.optim_wrapper.optimizer.lr = 1e-3  # each epoch is better than those before
        return cfg

    run(part('one', 1))
    original = {path.name for path in (tmp_path / 'one').glob('*.pth')}
    shutil.copytree(tmp_path / 'one', tmp_path / 'two')
    cfg = part('two', 2)
    cfg.resume = True
    best = Path(run(cfg).message_hub.get_info('best_ckpt'))
    assert {path.name for path in (tmp_path / 'one').glob('*.pth')} == original
    assert best == tmp_path / 'two' / 'best_val_loss_epoch_2.pth'
    assert {path.name for path in best.parent.glob('best*')} == {best.name}
