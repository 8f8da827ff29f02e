"""Prompts: points and boxes for a promptable model."""
