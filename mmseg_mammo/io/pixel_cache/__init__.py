"""Pixel cache: images and masks as the deterministic steps of a pipeline leave them, in one file."""
