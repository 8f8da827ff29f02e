"""The console command ``mammoseg`` and its sub-commands."""
