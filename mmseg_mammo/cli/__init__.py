"""Console command ``mammoseg`` and its sub-commands."""
