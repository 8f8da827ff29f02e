"""Image level: whether an image has a lesion at all, as scores, thresholds and their intervals."""
