"""Registered models: backbones, segmentors, losses and prompt samplers."""

from mmseg_mammo.models.backbones.vpt_vit import VPTVisionTransformer
from mmseg_mammo.models.encoder_decoder import InputGridEncoderDecoder
from mmseg_mammo.models.folds.segmentor import FoldSegmentor
from mmseg_mammo.models.losses.best_mask import BestMaskLoss
from mmseg_mammo.models.losses.dice import LesionDiceLoss
from mmseg_mammo.models.padding import PaddedDataPreProcessor
from mmseg_mammo.models.peft.tuned import TunedEncoderDecoder
from mmseg_mammo.models.presence.head import PresenceHead
from mmseg_mammo.models.prompts.samplers import (
    EDTCentreSampler,
    ErrorPointSampler,
    JitteredBoxSampler,
    RandomPointSampler,
)
from mmseg_mammo.models.pup_head import LeanUPHead
from mmseg_mammo.models.sam.image_encoder import SAMImageEncoder
from mmseg_mammo.models.sam.segmentor import SAMSegmentor
from mmseg_mammo.models.two_stage.segmentor import TwoStageSegmentor

__all__ = [
    'BestMaskLoss',
    'EDTCentreSampler',
    'ErrorPointSampler',
    'FoldSegmentor',
    'InputGridEncoderDecoder',
    'JitteredBoxSampler',
    'LeanUPHead',
    'LesionDiceLoss',
    'PaddedDataPreProcessor',
    'PresenceHead',
    'RandomPointSampler',
    'SAMImageEncoder',
    'SAMSegmentor',
    'TunedEncoderDecoder',
    'TwoStageSegmentor',
    'VPTVisionTransformer',
]
