"""Studies: many trainings for one question."""
