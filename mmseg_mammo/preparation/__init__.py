"""Preparation: raw downloads to ``images/``, ``masks/`` and ``index.csv``. No torch, no mmseg."""
