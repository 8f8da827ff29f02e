"""Learning curves: many trainings on nested subsets of a hospital's images, tested on the same ones."""
