"""Checkpoints of tiny models with random weights and a record, as a training leaves them."""

import cv2
import numpy as np
import pytest
import torch
from experiments import halve, shrink
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from mmseg.structures import SegDataSample

from mmseg_mammo.engine.config.stored import plain_settings
from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.io.checkpoint_record import add_record
from mmseg_mammo.io.image import write_png


def save_checkpoint(path, name, data, seed=3, long_side=0, change=None):
    """A checkpoint of the shrunk experiment ``name``, of which some pixels are lesion.

    Args:
        path: The file.
        name: Of a shipped config.
        data: Prepared folder, which the config names.
        seed: Of the weights.
        long_side: Of the preparation of the training images.
        change: Changes the config in place.

    Returns:
        ``path``.
    """
    init_default_scope('mmseg')
    cfg = shrink(name, data, path.parent / 'work')
    if change:
        change(cfg)
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    if name.startswith('sam'):
        for parameter in model.parameters():
            parameter.data += torch.randn_like(parameter) * 0.1
    elif model.out_channels == 1:
        halve(model, DATASETS.build(cfg.test_dataloader.dataset)[0])
    with path.open('w+b') as stream:
        torch.save(
            {
                'state_dict': model.state_dict(),
                'meta': {'cfg': cfg.pretty_text, 'clahe_levels': 256},
            },
            stream,
        )
        record = {
            'format': 1,
            'name': name,
            'threshold': threshold_of(cfg),
            'trained_only': False,
            'base': [],
            'trained_on': {
                'train': {'images': 4, 'type': 'CBISDDSMDataset', 'mask_kind': {'phantom': 4}}
            },
            'preparation': {'long_side': long_side},
            'config': plain_settings(cfg),
        }
        add_record(stream, record)
    return path


def two_channels(cfg):
    """Let a model have two output channels."""
    cfg.model.decode_head.update(out_channels=2, threshold=None)


def padded(cfg):
    """Let the input keep the aspect ratio of the image, and fill a square with zeros."""
    cfg.model.data_preprocessor.test_cfg = dict(size=(32, 32))
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].batch_size = 1
        for step in cfg[name].dataset.pipeline:
            if 'Resize' in step['type']:
                step['keep_ratio'] = True


@pytest.fixture(scope='session')
def unet(prepared, tmp_path_factory):
    """Checkpoint of a U-Net."""
    return save_checkpoint(tmp_path_factory.mktemp('unet') / 'unet.pth', 'unet_cbis', prepared)


@pytest.fixture(scope='session')
def setr(prepared, tmp_path_factory):
    """Checkpoint of a SETR-VPT."""
    path = tmp_path_factory.mktemp('setr') / 'setr.pth'
    return save_checkpoint(path, 'setr_pup_vpt_cbis', prepared)


@pytest.fixture(scope='session')
def sam(prepared, tmp_path_factory):
    """Checkpoint of a SAM."""
    return save_checkpoint(
        tmp_path_factory.mktemp('sam') / 'sam.pth', 'sam_finetune_cbis', prepared
    )


def write_blobs(path, seed, shape=(80, 64), dark=False):
    """An image of noise with a bright disc, uint16; of equal levels if ``dark``."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(2000, 20000, shape).astype(np.uint16)
    if dark:
        pixels[:] = 0
    else:
        cv2.circle(pixels, tuple(map(int, generator.integers(16, 48, 2))), 8, 60000, -1)
    write_png(path, pixels)
    return path


def sample(shape, **facts):
    """A sample of an image of ``shape`` that a network of 32×32 pixels sees."""
    known = dict(ori_shape=shape, img_shape=(32, 32), img_path='a.png', image='a.png')
    return SegDataSample(metainfo={**known, **facts})
