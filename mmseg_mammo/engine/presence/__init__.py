"""Presence in trainings: the threshold is chosen on validation, and kept in the checkpoint."""
