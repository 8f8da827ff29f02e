"""Out of fold: scores of images from the model of a cross-validation that never saw them."""
