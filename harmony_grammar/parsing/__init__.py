"""Reading: from text or ids to the tree."""
