"""Checkpoints: after the validation, never in place, none too many."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from experiments import shrink, train
from mmengine.runner import load_checkpoint
from mmseg.apis import init_model
from mmseg.registry import MODELS

from mmseg_mammo.engine.hooks.checkpoint import AtomicBackend, ResumableCheckpointHook
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import read_record


def test_the_checkpoint_of_an_epoch_knows_its_validation(prepared, tmp_path):
    runner = train(shrink('unet_cbis', prepared, tmp_path), kill=2)
    checkpoint = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    assert checkpoint['meta']['epoch'] == 2
    assert checkpoint['meta']['iter'] == 4
    (plateau,) = checkpoint['param_schedulers']
    history = runner.message_hub.get_scalar('val/val_loss').data[0]
    assert plateau['best'] == history.min()
    assert checkpoint['message_hub']['runtime_info']['best_train_loss'] < np.inf


@pytest.mark.parametrize('backend', ['atomic', 'local'])
def test_every_file_has_the_record_of_its_own_epoch(backend, prepared, tmp_path):
    """Also where the file is not written by this hook's backend, as under FSDP."""
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=2)
    scores = ['lesion_dice', 'val_loss']
    cfg.default_hooks.checkpoint.update(
        max_keep_ckpts=-1, save_best=scores, backend_args={'backend': backend}
    )
    runner = train(cfg)
    records = {path.name: read_record(path) for path in tmp_path.glob('*epoch_*.pth')}
    assert records.keys() >= {'epoch_1.pth', 'epoch_2.pth', 'best_lesion_dice_epoch_1.pth'}
    for name, record in records.items():
        assert record['epoch'] == int(Path(name).stem[-1]), name
        assert record['iter'] == 2 * record['epoch']
        assert record['best_score'].keys() <= {*scores}
    known = runner.message_hub.runtime_info
    last = records['epoch_2.pth']['best_score']
    assert last == {name: known[f'best_score_{name}'] for name in scores}
    assert AtomicBackend.record is None or backend == 'local'


def test_the_host_reads_a_file_with_a_record(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    state = train(cfg).model.state_dict()
    path = str(tmp_path / 'epoch_1.pth')
    models = [init_model(cfg, path, device='cpu'), MODELS.build(cfg.model)]
    load_checkpoint(models[1], path, strict=True)
    for model in models:
        assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_without_validation_the_last_checkpoint_is_saved_all_the_same(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.save_best = None
    train(cfg)
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_3.pth']


def test_every_file_is_written_once_an_epoch(prepared, tmp_path, monkeypatch):
    written = []
    put = AtomicBackend.put

    def count(backend, obj, filepath):
        written.append(Path(filepath).name)
        put(backend, obj, filepath)

    monkeypatch.setattr(AtomicBackend, 'put', count)
    train(shrink('unet_cbis', prepared, tmp_path))
    assert len(written) == len(set(written))
    assert {'epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth', 'best_lesion_dice_epoch_1.pth'} <= {
        *written
    }


def test_epochs_that_are_not_due_are_not_saved(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=5)
    cfg.default_hooks.checkpoint.update(interval=2, max_keep_ckpts=-1, save_best=None)
    train(cfg)
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

    train(part('one', 1))
    original = {path.name for path in (tmp_path / 'one').glob('*.pth')}
    shutil.copytree(tmp_path / 'one', tmp_path / 'two')
    cfg = part('two', 2)
    cfg.resume = True
    best = Path(train(cfg).message_hub.get_info('best_ckpt'))
    assert {path.name for path in (tmp_path / 'one').glob('*.pth')} == original
    assert best == tmp_path / 'two' / 'best_val_loss_epoch_2.pth'
    assert {path.name for path in best.parent.glob('best*')} == {best.name, 'best.pth'}
    assert (best.parent / 'best.pth').samefile(best)


def test_the_best_file_has_a_name_that_stays(prepared, tmp_path):
    """Of several scores it is the best by the first."""
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=2)
    cfg.default_hooks.checkpoint.update(save_best=['val_loss', 'lesion_dice'])
    cfg.default_hooks.checkpoint.pop('rule', None)
    cfg.optim_wrapper.optimizer.lr = 1e-3  # the second epoch is better
    train(cfg)
    best = tmp_path / 'best.pth'
    assert best.samefile(tmp_path / 'best_val_loss_epoch_2.pth')
    assert read_record(best)['epoch'] == 2
    best.unlink()  # as a kill between the two leaves it
    cfg.resume, cfg.train_cfg.max_epochs = True, 2
    train(cfg)
    assert best.samefile(tmp_path / 'best_val_loss_epoch_2.pth')


def test_without_a_score_nothing_is_called_best(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    cfg.default_hooks.checkpoint.save_best = None
    train(cfg)
    assert not (tmp_path / 'best.pth').exists()


@pytest.mark.parametrize(
    ('name', 'rule'),
    [
        ('lesion_dice', 'greater'),
        ('lesion_hausdorff95', 'less'),
        ('mine/false_positives_per_image', 'less'),
        ('raw_lesion_candidate_0_iou', 'greater'),
        ('val_loss', 'less'),  # by its name, as mmengine does
    ],
)
def test_the_rule_follows_from_the_score(name, rule):
    assert ResumableCheckpointHook(save_best=name).rules == [rule]
    assert ResumableCheckpointHook(save_best=name, rule=rule).rules == [rule]


def test_each_of_several_scores_has_its_own_rule():
    names = ['lesion_dice', 'lesion_hausdorff95', 'val_loss', 'mIoU']  # the last two by mmengine
    rules = ['greater', 'less', 'less', 'greater']
    assert ResumableCheckpointHook(save_best=names).rules == rules
    assert ResumableCheckpointHook(save_best=names, rule=rules).rules == rules
    one = ResumableCheckpointHook(save_best=['dice', 'iou'], rule=['greater'])
    assert one.rules == ['greater', 'greater']
    with pytest.raises(MammoError, match=r'rule=.greater. with save_best=.lesion_hausdorff95'):
        ResumableCheckpointHook(save_best=names[:2], rule='greater')


@pytest.mark.parametrize(('name', 'rule'), [('dice', 'less'), ('chosen_iou_ece', 'greater')])
def test_a_rule_that_keeps_the_worst_is_refused(name, rule):
    with pytest.raises(MammoError, match=r"is better\. Allowed: rule='.*'\. Set default_hooks"):
        ResumableCheckpointHook(save_best=name, rule=rule)


@pytest.mark.parametrize('name', ['images', 'predict_nothing_dice', 'chosen_iou_bias'])
def test_a_scalar_without_a_best_value_is_refused(name):
    with pytest.raises(MammoError, match=f'save_best={name!r}: no value of it is better'):
        ResumableCheckpointHook(save_best=name)


def test_no_or_any_first_score_is_left_to_mmengine():
    assert ResumableCheckpointHook().save_best is None
    for name in ('auto', ['auto']):
        assert ResumableCheckpointHook(save_best=name, rule='greater').rules == ['greater']
        assert ResumableCheckpointHook(save_best=name).rules == [None]
    with pytest.raises(KeyError, match='rule must be'):
        ResumableCheckpointHook(save_best='colour', rule='odd')


def test_where_steps_count_the_checkpoint_knows_its_validation_too(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=3, val_interval=2)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=2)
    runner = train(cfg)
    best = runner.message_hub.get_info('best_score')
    assert not [*tmp_path.glob('iter_0.pth'), *tmp_path.glob('iter_2.pth')]
    record = read_record(tmp_path / 'iter_3.pth')
    assert (record['iter'], record['best_score']['lesion_dice']) == (3, pytest.approx(best))
