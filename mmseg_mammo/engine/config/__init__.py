"""Configs: load, check, change and compare them."""
