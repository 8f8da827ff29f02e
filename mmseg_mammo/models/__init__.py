"""Registered models: the prompt-tuned ViT backbone, segmentors, losses, samplers of prompts."""

from mmseg_mammo.models.best_mask_loss import BestMaskLoss
from mmseg_mammo.models.input_grid import InputGridEncoderDecoder
from mmseg_mammo.models.losses import LesionDiceLoss
from mmseg_mammo.models.prompt_sampler import (
    EDTCentreSampler,
    ErrorPointSampler,
    JitteredBoxSampler,
    RandomPointSampler,
)
from mmseg_mammo.models.sam_encoder import SAMImageEncoder
from mmseg_mammo.models.sam_segmentor import SAMSegmentor
from mmseg_mammo.models.vpt_vit import VPTVisionTransformer

__all__ = [
    'BestMaskLoss',
    'EDTCentreSampler',
    'ErrorPointSampler',
    'InputGridEncoderDecoder',
    'JitteredBoxSampler',
    'LesionDiceLoss',
    'RandomPointSampler',
    'SAMImageEncoder',
    'SAMSegmentor',
    'VPTVisionTransformer',
]
