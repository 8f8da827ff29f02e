"""Parameter-efficient fine-tuning: selects the trained parameters and freezes the others."""
