"""Inference on new images with a trained model."""

from mmseg_mammo.inference.inferencer import MammoInferencer
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.inference.sam_predictor import SAMPredictor

__all__ = ['MammoInferencer', 'Predictor', 'SAMPredictor']
