"""Rules that a context-free grammar cannot state, one small function each, in tables."""
