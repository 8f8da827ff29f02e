"""Arrays to pictures and plots. No torch."""
