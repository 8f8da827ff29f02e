"""CBIS-DDSM as downloaded to ``images/``, ``masks/`` and ``index.csv``."""
