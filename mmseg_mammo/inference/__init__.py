"""A trained model on images that come without annotation."""
