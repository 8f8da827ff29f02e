"""Points and boxes that a promptable model is told."""
