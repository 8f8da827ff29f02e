"""Speed: what a config may ask of torch that changes results in rounding only, with a way back."""
