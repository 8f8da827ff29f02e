"""The validation loss: a mean over images, whatever the batches."""

import os
from contextlib import nullcontext

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from experiments import shrink
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from processes import in_processes

from mmseg_mammo.engine.loops import mean_losses, sample_on_grid
from mmseg_mammo.io.image import resize_mask


def test_the_validation_loss_is_the_mean_over_images_of_the_models_own_loss(prepared, tmp_path):
    """Four images in batches of three and one, against one image at a time by hand."""
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.val_dataloader.batch_size = 3
    cfg.val_dataloader.dataset.split = 'train'
    runner = Runner.from_cfg(cfg)
    found = runner.val()
    losses = by_hand(runner)
    assert len(losses) == 4
    assert found['val_loss'] == pytest.approx(sum(losses) / 4, rel=1e-5)
    assert found['val_decode.loss_ce'] == found['val_loss']
    assert found['images'] == 4


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_vpt_cbis', 'sam_finetune_cbis'])
def test_every_image_is_encoded_once_and_no_number_changes(name, prepared, tmp_path, monkeypatch):
    def validate(folder):
        cfg = shrink(name, prepared, tmp_path / folder)
        cfg.randomness = dict(seed=0)
        cfg.val_dataloader.batch_size = 3
        cfg.val_dataloader.dataset.split = 'train'
        runner = Runner.from_cfg(cfg)
        encoder = getattr(runner.model, 'backbone', None) or runner.model.image_encoder
        encoded = []
        encoder.register_forward_hook(lambda _, inputs, __: encoded.append(len(inputs[0])))
        metrics = runner.val()
        return encoded, str((metrics, runner.val_evaluator.metrics[0].records))

    encoded, found = validate('once')
    assert encoded == [3, 1]
    monkeypatch.setattr('mmseg_mammo.engine.loops.encode_once', nullcontext)
    encoded, wanted = validate('twice')
    assert encoded == [3, 3, 1, 1]
    assert found == wanted


def test_a_loss_is_never_under_autocast(prepared, tmp_path):
    def loss(fp16):
        cfg = shrink('setr_pup_vpt_cbis', prepared, tmp_path / str(fp16))
        cfg.randomness = dict(seed=0)
        cfg.val_cfg.fp16 = fp16
        return Runner.from_cfg(cfg).val()['val_loss']

    assert loss(True) == loss(False)


def by_hand(runner):
    """The loss of each validation image."""
    model, losses = runner.model, []
    for item in runner.val_dataloader.dataset:
        inputs = model.data_preprocessor({'inputs': [item['inputs']]})['inputs']
        logits = F.interpolate(model.decode_head(model.backbone(inputs)), (32, 32))
        truth = item['data_samples'].gt_sem_seg.data[0].numpy()
        truth = torch.from_numpy(resize_mask(truth, (32, 32))).float()
        losses.append(F.binary_cross_entropy_with_logits(logits[0, 0], truth).item())
    return losses


@pytest.mark.parametrize('batch_size', [1, 2])
@pytest.mark.parametrize(('rank', 'own'), [(0, [0, 2]), (1, [1])])
def test_an_image_that_the_sampler_repeats_does_not_count(
    batch_size, rank, own, prepared, tmp_path, monkeypatch
):
    """Of three images the first of two processes has two; the other one gets the first again."""
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.val_dataloader.batch_size = batch_size
    cfg.val_dataloader.sampler.round_up = True
    cfg.val_dataloader.dataset.update(split='train', indices=3)
    for module in ('mmengine.dataset.sampler', 'mmseg_mammo.engine.loops'):
        monkeypatch.setattr(f'{module}.get_dist_info', lambda: (rank, 2))
    runner = Runner.from_cfg(cfg)
    steps = []
    runner.model.register_forward_hook(lambda *_: steps.append(1))
    found = runner.val()
    losses = by_hand(runner)
    assert len(set(losses)) == 3
    assert found['val_loss'] == pytest.approx(sum(losses[i] for i in own) / len(own), rel=1e-5)
    assert len(steps) == 2 * 2 // batch_size  # every process calls the model as often


def validated_in_pytorchs_wrapper(name, data, folder):
    """Metrics of a validation of a single image, so that the other process has none."""
    os.chdir(folder)  # mmengine collects results below
    dist.init_process_group('gloo')
    cfg = shrink(name, data, folder)
    cfg.update(launcher='pytorch', sync_bn=None, randomness=dict(seed=0))
    # PyTorch's default, which mmengine changes: the forward broadcasts buffers.
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', broadcast_buffers=True, device_ids=None
    )
    cfg.val_dataloader.batch_size = 1
    cfg.val_dataloader.dataset.update(split='train', indices=1)
    return Runner.from_cfg(cfg).val()


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_vpt_cbis', 'sam_finetune_cbis'])
def test_processes_with_different_numbers_of_batches_do_not_wait_for_each_other(
    name, prepared, tmp_path, free_port
):
    """In PyTorch's wrapper, and in one process without: the same numbers."""
    found, also = in_processes(
        2, free_port, validated_in_pytorchs_wrapper, name, prepared, tmp_path
    )
    assert found == pytest.approx(also, nan_ok=True)
    assert found['images'] == 1
    cfg = shrink(name, prepared, tmp_path / 'alone')
    cfg.randomness = dict(seed=0)
    cfg.val_dataloader.dataset.update(split='train', indices=1)
    alone = Runner.from_cfg(cfg).val()
    assert found['val_loss'] == pytest.approx(alone['val_loss'], rel=1e-5)
    assert found['lesion_dice'] == pytest.approx(alone['lesion_dice'], rel=1e-5)


def test_a_tiny_lesion_stays_in_the_truth_of_the_loss_and_the_sample_is_not_touched():
    mask = torch.zeros(1, 100, 90, dtype=torch.uint8)
    mask[0, 41, 43] = 1
    sample = SegDataSample(gt_sem_seg=PixelData(data=mask), metainfo={'img_path': 'a.png'})
    copy = sample_on_grid(sample, (16, 16))
    assert copy.gt_sem_seg.data.shape == (1, 16, 16)
    assert copy.gt_sem_seg.data.sum() == 1
    assert copy.gt_sem_seg.data.dtype == torch.int64  # what losses take
    assert copy.img_path == 'a.png'
    assert sample.gt_sem_seg.data.shape == (1, 100, 90)


def test_the_truth_of_a_padded_input_is_padded_with_what_no_loss_counts():
    mask = torch.ones(1, 100, 50, dtype=torch.uint8)
    sample = SegDataSample(gt_sem_seg=PixelData(data=mask))
    sample.set_metainfo(dict(img_padding_size=(0, 8, 0, 0)))  # left, right, top, bottom
    truth = sample_on_grid(sample, (16, 16)).gt_sem_seg.data[0]
    assert (truth[:, :8] == 1).all()
    assert (truth[:, 8:] == 255).all()


def test_processes_with_different_numbers_of_images_count_by_image():
    """(3·1 + 1·5) / 4; a process without images has no losses to name."""
    parts = [({'loss': 3.0, 'loss_ce': 1.5}, 3), ({'loss': 5.0, 'loss_ce': 2.5}, 1), ({}, 0)]
    assert mean_losses(parts) == {'val_loss': 2.0, 'val_loss_ce': 1.0}
