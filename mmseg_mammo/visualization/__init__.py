"""Pictures and plots from arrays. No torch."""
