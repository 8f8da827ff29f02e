"""What an image shows, in numbers: the area of the breast, grey levels, shape."""
