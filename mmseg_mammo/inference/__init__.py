"""A trained model on images that come without annotation."""

from mmseg_mammo.inference.sam_predictor import SAMPredictor

__all__ = ['SAMPredictor']
