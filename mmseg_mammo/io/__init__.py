"""Files and formats: images, masks, tables and the index; everything that touches the disk. No torch."""
