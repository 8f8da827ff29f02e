"""Few samples: a training that starts from a checkpoint and has a hospital's few images."""
