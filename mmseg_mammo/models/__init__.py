"""Registered models: the prompt-tuned ViT backbone."""

from mmseg_mammo.models.vpt_vit import VPTVisionTransformer

__all__ = ['VPTVisionTransformer']
