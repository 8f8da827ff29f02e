"""Parameter-efficient fine-tuning: what is trained, and what is frozen."""
