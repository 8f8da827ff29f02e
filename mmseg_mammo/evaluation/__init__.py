"""Scores of masks and probabilities with their uncertainty. Torch: ``metric``, ``grids`` only."""
