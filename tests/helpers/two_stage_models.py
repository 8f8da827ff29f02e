"""Tiny two-stage models with random weights, as configs and as checkpoints."""

import copy

import numpy as np
import torch
from experiments import shrink
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from tiny_models import save_checkpoint

from mmseg_mammo.transforms.full_image import FullImage

SIDE = 32
PIPELINE = (
    {'type': 'ReadMammogram'},
    {'type': 'MapIntensity'},
    {'type': 'MammoCLAHE', 'tile_grid_size': (4, 4)},
    {'type': 'KeepFullImage'},
    {'type': 'ResizeMammogram', 'scale': (SIDE, SIDE), 'interpolation': 'area'},
    {'type': 'LoadLesionMask'},
    {'type': 'PackMammogram', 'one_channel': True},
)


def stage_model(name='absence/unet_absence_cbis', presence=True):
    """Settings of a shrunk model of ``configs/`` at 32², as one stage."""
    model = copy.deepcopy(shrink(name, 'nowhere', 'nowhere').model.to_dict())
    if not presence:
        model.pop('presence_head')
    return model


def two_stage_model(finder=None, refiner=None, **settings):
    """Settings of a two-stage model of tiny U-Nets; the refiner has a presence head."""
    return {
        'type': 'TwoStageSegmentor',
        'finder': finder or stage_model(presence=False),
        'refiner': refiner or stage_model(),
        'crop': {'size': (SIDE, SIDE), 'share': 0.4},
        'candidates': {'min_score': 0.0, 'distance': 0.2},
        **settings,
    }


def build_two_stages(seed=0, **settings):
    """A built model, in eval mode."""
    torch.manual_seed(seed)
    return MODELS.build(two_stage_model(**settings)).eval()


def save_two_stages(path, data, seed=3, long_side=0, **settings):
    """A checkpoint with record and config, whose test pipeline keeps the full image.

    Args:
        path: The file.
        data: Prepared folder, which the config names.
        seed: Of the weights.
        long_side: Of the preparation of the training images.
        settings: Of the model.
    """

    def change(cfg):
        cfg.model = two_stage_model(**settings)
        for name in ('val_dataloader', 'test_dataloader'):
            cfg[name].dataset.pipeline = list(PIPELINE)
        for name in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
            cfg.pop(name, None)
        for name in ('val_dataloader', 'val_cfg', 'val_evaluator'):
            cfg.pop(name, None)

    return save_checkpoint(path, 'unet_cbis', data, seed, long_side, change)


def full_sample(pixels, **meta):
    """A sample with pixels at full resolution, H×W uint8 or uint16."""
    kept = pixels if pixels.dtype == np.uint8 else pixels.astype(np.int32)
    known = {'img_path': 'a.png', 'ori_shape': pixels.shape, 'img_shape': (SIDE, SIDE)}
    sample = SegDataSample(metainfo={**known, **meta})
    sample.set_data({'full_image': FullImage(data=torch.from_numpy(kept)[None])})
    return sample
