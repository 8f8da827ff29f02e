"""Benchmark: compares the cost of a training step with that of other implementations."""
