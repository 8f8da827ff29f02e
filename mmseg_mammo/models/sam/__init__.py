"""Segment Anything Model (SAM) as a segmentor of MMSegmentation."""
