"""Learning curves: scores over the number of annotated images, fitted forms, and what more would bring."""
