"""Many predictions: inputs, a journal of what is done, files of each image, tables."""
