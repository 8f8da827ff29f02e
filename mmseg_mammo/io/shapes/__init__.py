"""Annotations that are coordinates, not pixels: boxes, polygons and runs, and the files they are in."""
