"""Sections on learning from few images."""
