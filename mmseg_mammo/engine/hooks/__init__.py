"""Hooks of MMEngine's runners."""
