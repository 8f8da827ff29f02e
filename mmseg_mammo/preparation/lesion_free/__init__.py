"""Normals cut out of images with a lesion, and cuts of the same shape that hold the lesion."""
