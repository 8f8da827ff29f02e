"""Synthetic mammograms, written as raw downloads. No torch."""
