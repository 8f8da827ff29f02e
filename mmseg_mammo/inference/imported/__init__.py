"""Masks of other systems, scored as a test of ours scores its own."""
