"""Which images to annotate next, and whether the choice matters."""
