"""Runners of the tools: workers that are switched off, epochs without a step."""

import pytest
import torch
from experiments import shrink
from mmengine.runner import Runner

from mmseg_mammo.datasets import packed_collate
from mmseg_mammo.engine.config.loading import CacheChoice
from mmseg_mammo.engine.runner import build, build_runner
from mmseg_mammo.errors import MammoError


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_no_workers_is_enough_to_switch_off_what_is_about_workers(split, prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    loader = cfg[f'{split}_dataloader']
    loader.update(num_workers=0, persistent_workers=True, prefetch_factor=4)
    with pytest.raises(ValueError, match='num_workers'):
        Runner.build_dataloader(loader)
    runner = build(cfg)
    assert next(iter(getattr(runner, f'{split}_dataloader')))


def test_with_workers_nothing_is_switched_off(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.train_dataloader.update(num_workers=1, persistent_workers=True, prefetch_factor=4)
    loader = build(cfg).train_dataloader
    assert (loader.persistent_workers, loader.prefetch_factor) == (True, 4)
    assert loader.collate_fn.func is packed_collate


@pytest.mark.parametrize('name', ['unet_cbis', 'unet_strong_cbis'])
def test_a_batch_that_is_never_complete_is_refused(name, prepared, tmp_path):
    cfg = shrink(name, prepared, tmp_path)
    cfg.train_dataloader.update(batch_size=5, drop_last=True)
    with pytest.raises(MammoError, match=r'batch_size=5 of 4 images.*Allowed: batch_size=4'):
        build(cfg).train()


def test_a_training_of_no_epoch_is_refused(prepared, tmp_path):
    with pytest.raises(MammoError, match=r'max_epochs=0.*Allowed: 1 or more'):
        build(shrink('unet_cbis', prepared, tmp_path, epochs=0)).train()


def test_an_unknown_runner_is_refused(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.runner_type = 'FlexibleRuner'
    with pytest.raises(MammoError, match='FlexibleRuner'):
        build(cfg)


def test_any_default_hook_can_be_switched_off(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.launcher = 'none'
    assert 'EMAHook' in names(build_runner(cfg, 0))
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.launcher = 'none'
    cfg.merge_from_dict({'default_hooks.ema': None, 'default_hooks.timer': None})
    assert not {'EMAHook', 'IterTimerHook'} & names(build_runner(cfg, 0))


def test_a_runner_is_not_built_for_a_training_shorter_than_its_schedule(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path / 'w', epochs=2)
    cfg.launcher = 'none'
    with pytest.raises(MammoError, match='max_epochs=3 or more'):
        build_runner(cfg, 0)
    assert not (tmp_path / 'w').exists()


def names(runner):
    return {type(hook).__name__ for hook in runner.hooks}


def test_a_segmentor_of_others_gets_the_masks_that_its_losses_want(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    packing = cfg.train_dataloader.dataset.pipeline[-1]
    assert packing.small_masks
    cfg.model.type = 'EncoderDecoder'
    cfg.model.decode_head.update(out_channels=2, loss_decode={'type': 'CrossEntropyLoss'})
    runner = build(cfg)
    data = runner.model.data_preprocessor(next(iter(runner.train_dataloader)), True)

    assert {s.gt_sem_seg.data.dtype for s in data['data_samples']} == {torch.int64}
    assert runner.model(**data, mode='loss')['decode.loss_ce'] > 0


@pytest.mark.parametrize('stack', ['early', 'late'])
def test_workers_of_a_training_by_iterations_use_the_cache(prepared, tmp_path, monkeypatch, stack):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.train_dataloader.update(num_workers=1)
    cfg.train_cfg = {'type': 'IterBasedTrainLoop', 'max_iters': 2, 'val_interval': 100}
    if stack == 'early':  # as mmengine's own; onedl's waits for the first step
        monkeypatch.setattr(
            'mmengine.runner.loops._InfiniteDataloaderIterator.__init__',
            lambda self, loader: vars(self).update(
                _dataloader=loader, _iterator=iter(loader), _epoch=0
            ),
        )
    runner = build(cfg, CacheChoice(tmp_path / 'cache'))
    next(runner.build_train_loop(cfg.train_cfg).dataloader_iterator)

    assert [file.stat().st_blocks > 0 for file in (tmp_path / 'cache').glob('*/slots.bin')] == [
        True
    ]
