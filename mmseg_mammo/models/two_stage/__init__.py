"""Two stages: a model that finds places, and one that segments crops around them at full resolution."""
