"""Backbones: image encoders of MMSegmentation's ``EncoderDecoder``, and their weights."""
