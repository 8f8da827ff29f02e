"""One question, many trainings."""
