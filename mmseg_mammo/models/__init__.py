"""Registered models: the prompt-tuned ViT backbone, a loss per image."""

from mmseg_mammo.models.losses import LesionDiceLoss
from mmseg_mammo.models.vpt_vit import VPTVisionTransformer

__all__ = ['LesionDiceLoss', 'VPTVisionTransformer']
