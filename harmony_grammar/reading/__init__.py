"""Strict reading: a verdict on an input, and its tree if it is a sentence."""
