"""Scalars for the runner, one record per image on disk, and pictures of a sample."""

from mmseg_mammo.evaluation.hooks import OverlayHook, PerImageCSVHook
from mmseg_mammo.evaluation.metric import MammographyMetric

__all__ = ['MammographyMetric', 'OverlayHook', 'PerImageCSVHook']
