"""Trees to text and ids."""
