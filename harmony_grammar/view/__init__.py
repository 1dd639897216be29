"""A transcript as a reader wants it: what belongs together, and a page to look at."""
