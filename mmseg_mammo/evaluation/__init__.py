"""Masks and probabilities to numbers, with their uncertainty. No torch but in ``metric`` and ``grids``."""
