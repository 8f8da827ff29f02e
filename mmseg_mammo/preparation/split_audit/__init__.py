"""Audit of splits: what stands on two sides of anybody's split file."""
