"""Tiny SAMs with the same random weights: segment-anything's own, and ours."""

from functools import partial

import torch
from experiments import TINY_SAM
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)

SIDE = 64


def meta_encoder(side=SIDE, **arch):
    """segment-anything's encoder as its build_sam.py makes it, smaller."""
    norm = partial(torch.nn.LayerNorm, eps=1e-6)
    encoder = ImageEncoderViT(side, 16, norm_layer=norm, use_rel_pos=True, **{**TINY_SAM, **arch})
    return randomised(encoder)


def randomised(module):
    """Move every parameter away from its start, which is zero for positions."""
    for parameter in module.parameters():
        parameter.data += torch.randn_like(parameter) * 0.1
    return module.eval()


def meta_sam(side=SIDE, seed=0):
    """segment-anything's whole model, of 32 channels."""
    torch.manual_seed(seed)
    grid = (side // 16, side // 16)
    transformer = TwoWayTransformer(depth=2, embedding_dim=32, mlp_dim=256, num_heads=8)
    sam = Sam(
        meta_encoder(side),
        PromptEncoder(32, grid, (side, side), mask_in_chans=16),
        MaskDecoder(
            transformer_dim=32,
            transformer=transformer,
            num_multimask_outputs=3,
            iou_head_depth=3,
            iou_head_hidden_dim=32,
        ),
    )
    return randomised(sam)


def our_config(side=SIDE, **changes):
    return {
        'type': 'SAMSegmentor',
        'data_preprocessor': dict(
            type='SegDataPreProcessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            size=(side, side),
        ),
        'image_encoder': dict(type='SAMImageEncoder', arch=TINY_SAM, img_size=side),
        'train_prompts': dict(type='RandomPointSampler', points=1),
        'test_prompts': dict(type='EDTCentreSampler'),
        'loss': dict(type='BestMaskLoss'),
        'prompts_from': 'truth',
        **changes,
    }


def our_sam(weights, side=SIDE, **changes):
    """A SAMSegmentor in eval mode with the weights of a :func:`meta_sam`."""
    model = MODELS.build(our_config(side, **changes))
    model.load_state_dict(weights.state_dict(), strict=True)
    return model.eval()


def sample_of(mask=None, shape=(80, 56), name='a.png', **meta):
    """A sample of a prepared image of ``shape`` with a true mask, H×W, or none."""
    facts = dict(img_path=name, image=name, source='test', ori_shape=shape, **meta)
    sample = SegDataSample(metainfo=facts)
    if mask is not None:
        sample.gt_sem_seg = PixelData(data=mask[None].to(torch.uint8))
    return sample


def square(shape=(80, 56), top=20, left=10, side=16):
    """H×W mask of one square."""
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask
