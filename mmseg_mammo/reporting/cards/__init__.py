"""Cards: what a model, or a prepared folder, is, in the fields of CHAI's Applied Model Card."""
