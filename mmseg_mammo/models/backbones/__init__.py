"""Image encoders of MMSegmentation's ``EncoderDecoder``, and their pre-trained weights."""
