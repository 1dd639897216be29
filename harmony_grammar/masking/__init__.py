"""Constrained decoding: which ids may come next, from the grammar.

A completion is regular but for what is inside its bodies. The productions of the grammar are
arranged as an automaton over bytes and special ids (`shapes`, `graph`), in which the recipient
has become the names of the declared tools. Tokens are walked through it byte by byte, over the
tree of the vocabulary (`table`), so one that spans several terminals is as good as any. A mask
is made when its state is first visited, then shared. Bodies of free text need the few states
that a whole character has (`freetext`); bodies with a schema run in llguidance (`bodies`).
"""

from harmony_grammar.masking.constraint import Constraint
from harmony_grammar.masking.matcher import BatchMatcher, Matcher, random_completion

__all__ = ["BatchMatcher", "Constraint", "Matcher", "random_completion"]
