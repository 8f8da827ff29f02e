"""Features of training images in a checkpoint: of its weights, and without a trace in the training."""

import random

import numpy as np
import pytest
import torch
from experiments import shrink, train, write_base

from mmseg_mammo.engine.training_record import features as module
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.checkpoint_record import read_record


def rows_of(path):
    return read_record(path)['images'].get('network')


def losses_of(runner):
    return runner.message_hub.get_scalar('train/loss').data[0].tolist()


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_vpt_cbis', 'sam_finetune_cbis'])
def test_prediction_finds_the_same_features_in_training_images(name, prepared, tmp_path):
    base = None
    if name != 'unet_cbis':
        base = write_base(tmp_path / 'mae_pretrain_vit_large.pth', name, prepared)
    cfg = shrink(name, prepared, tmp_path / 'w', 1, base)
    train(cfg)
    path = tmp_path / 'w' / 'epoch_1.pth'
    found = np.array(rows_of(path))
    assert found.shape == (4, 32)
    prompts = {}
    if name.startswith('sam'):
        (tmp_path / 'p.csv').write_text(
            'image,object,x,y,label\n' + ''.join(f'{n}.png,1,9,9,1\n' for n in range(4))
        )
        prompts = {'prompts': tmp_path / 'p.csv'}
    predictor = Predictor(path, device='cpu', **prompts)
    files = [prepared / f'images/{number}.png' for number in range(4)]
    seen = [predictor(file).features for file in files]
    np.testing.assert_allclose(found, sorted(row.tolist() for row in seen), atol=2e-4)
    batch = predictor.predict([predictor.load(file) for file in files])
    np.testing.assert_allclose([each.features for each in batch], seen, atol=2e-4)


def test_the_training_is_the_same_to_the_bit_without_them(prepared, tmp_path):
    found = []
    for on in (True, False):
        cfg = shrink('unet_strong_cbis', prepared, tmp_path / str(on))
        cfg.model.decode_head.dropout_ratio = 0.5
        # Random numbers go on from epoch to epoch, as they do in the host's own trainings.
        cfg.custom_hooks = [h for h in cfg.custom_hooks if h['type'] != 'EpochSeedHook']
        cfg.default_hooks.checkpoint.record_features = on
        runner = train(cfg)
        state = {k: v.clone() for k, v in runner.model.state_dict().items()}
        generators = torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()
        found.append((losses_of(runner), generators, state))
        assert (rows_of(tmp_path / str(on) / 'epoch_3.pth') is not None) == on
    (losses, generators, state), other = found
    assert len(losses) == 6
    assert (losses, generators) == other[:2]
    assert all(torch.equal(value, other[2][key]) for key, value in state.items())


def test_the_best_and_the_last_checkpoint_of_a_validation_share_one_look(
    prepared, tmp_path, monkeypatch
):
    looks = []
    real = module._features
    monkeypatch.setattr(module, '_features', lambda *a: looks.append(1) or real(*a))
    cfg = shrink('unet_cbis', prepared, tmp_path, 4)
    cfg.train_cfg.val_interval = 2
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=-1)
    train(cfg)
    assert len(looks) == 2
    there = {path.name: rows_of(path) is not None for path in tmp_path.glob('epoch_*.pth')}
    assert there == {f'epoch_{n}.pth': n in (2, 4) for n in (1, 2, 3, 4)}
    assert rows_of(tmp_path / 'epoch_2.pth') != rows_of(tmp_path / 'epoch_4.pth')


def test_a_frozen_encoder_is_looked_at_once(prepared, tmp_path, monkeypatch):
    looks = []
    real = module._features
    monkeypatch.setattr(module, '_features', lambda *a: looks.append(1) or real(*a))
    base = write_base(tmp_path / 'mae_pretrain_vit_large.pth', 'setr', prepared)
    train(shrink('setr_pup_head_cbis', prepared, tmp_path / 'w', 2, base))
    assert len(looks) == 1
    assert rows_of(tmp_path / 'w' / 'epoch_2.pth')


def test_without_validation_the_last_epoch_has_them(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.update(save_best=None, max_keep_ckpts=-1)
    train(cfg)
    assert rows_of(tmp_path / 'epoch_2.pth') is None
    assert len(rows_of(tmp_path / 'epoch_3.pth')) == 4


def test_they_are_of_the_weights_in_the_file_under_ema(prepared, tmp_path):
    train(shrink('unet_strong_cbis', prepared, tmp_path))
    path = tmp_path / 'epoch_3.pth'
    state = torch.load(path, weights_only=False)
    assert 'ema_state_dict' in state
    assert any(
        not torch.equal(state['ema_state_dict'][f'module.{name}'], value)
        for name, value in state['state_dict'].items()
    )
    predictor = Predictor(path, device='cpu')
    seen = [predictor(prepared / f'images/{number}.png').features for number in range(4)]
    np.testing.assert_allclose(rows_of(path), sorted(row.tolist() for row in seen), atol=2e-4)


def test_of_more_than_fifty_images_some_are_not_looked_at(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'MOST', 3)
    train(shrink('unet_cbis', prepared, tmp_path, 1))
    assert len(rows_of(tmp_path / 'epoch_1.pth')) == 3


def test_a_backbone_that_fails_stops_no_training(prepared, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError('out of memory')

    monkeypatch.setattr(module, '_features', fail)
    runner = train(shrink('unet_cbis', prepared, tmp_path, 1))
    assert runner.epoch == 1
    assert rows_of(tmp_path / 'epoch_1.pth') is None
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'No features of the network in the checkpoint: RuntimeError: out of memory' in log
