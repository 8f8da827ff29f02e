"""PNG, JPEG, TIFF, BMP and PGM files."""
