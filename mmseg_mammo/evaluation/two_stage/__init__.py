"""Scores of a model of two stages: what its candidates find, and where a lesion is lost."""
