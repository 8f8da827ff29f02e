"""Few images: cross-validated training and tuning on small sets."""
