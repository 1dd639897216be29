"""The two kinds of input, text and ids, and what a place in either is called."""
