"""Raw downloads -> ``images/``, ``masks/`` and ``index.csv``. No torch, no mmseg."""
