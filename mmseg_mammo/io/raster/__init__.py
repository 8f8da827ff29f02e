"""PNG, JPEG, TIFF, BMP and PGM files: decodes and checks them."""
