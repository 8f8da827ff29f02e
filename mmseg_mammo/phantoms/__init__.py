"""Phantoms: synthetic mammograms in the form of raw downloads. No torch."""
