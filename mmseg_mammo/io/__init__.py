"""Files and formats: reads and writes images, masks, tables and the index. No torch."""
