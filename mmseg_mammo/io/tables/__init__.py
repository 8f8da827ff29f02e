"""Tables of other programs than this, as rows of text."""
