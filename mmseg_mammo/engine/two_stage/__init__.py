"""Two stages: trains a finder and a refiner in one command, and joins them into one checkpoint."""
