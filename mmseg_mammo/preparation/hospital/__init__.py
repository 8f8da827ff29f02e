"""Preparation of a hospital's export."""
