"""Calibration: threshold and temperature from annotated images of one hospital."""
