"""The cost of a training step beside that of other implementations."""
