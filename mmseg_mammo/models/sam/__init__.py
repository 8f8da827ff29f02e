"""Segment Anything as a segmentor."""
