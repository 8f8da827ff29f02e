"""Prompts of a reader, or of another model, from a ``prompts.csv`` beside the index."""
