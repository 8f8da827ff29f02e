"""Scores of masks and probabilities with their uncertainty.

Only ``metric``, ``grids`` and ``label_images`` need torch or the host.
"""
