"""MMSegmentation for mammography: visual prompts, few samples, honest transfer tests."""
