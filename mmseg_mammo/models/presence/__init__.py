"""Presence: whether an image has a lesion at all."""
