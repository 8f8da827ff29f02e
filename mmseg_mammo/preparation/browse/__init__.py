"""Browse: look at prepared images, the suspicious ones first."""
