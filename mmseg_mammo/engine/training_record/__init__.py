"""Training record: what a checkpoint says of itself, and of the images that it was trained on."""
