"""Promises: thresholds whose expected error stays within a limit, and how well they are kept."""
