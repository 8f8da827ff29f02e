"""Validation and test: what their loops share, and how they stay within memory."""
