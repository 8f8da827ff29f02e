"""The export of a hospital to ``images/``, ``masks/`` and ``index.csv``."""
