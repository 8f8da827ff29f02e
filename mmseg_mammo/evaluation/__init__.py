"""Scalars for the runner, one record per image on disk, and pictures of a sample."""

from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.evaluation.records import OverlayHook, PerImageCSVHook
from mmseg_mammo.evaluation.viewer_pictures import ViewerHook

__all__ = ['MammographyMetric', 'OverlayHook', 'PerImageCSVHook', 'ViewerHook']
