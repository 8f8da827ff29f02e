"""Preparation of CBIS-DDSM from its download."""
