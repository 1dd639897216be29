"""Bodies of free text: tables for the few states that a text of whole characters has.

In such a body, which ids are legal and where they lead depends on nothing but how far the last
character is. So there is one table for each state, made once for a vocabulary: the state after
each id. A step is then one look into a table, whatever the constraint.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import NO, Dfa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harmony_grammar.masking.table import Indices, Mask, TokenTable

__all__ = ["FreeText", "free_text"]

_MOST_STATES: Final = 255
_FAR: Final = 1 << 20


class FreeText:
    """The tables of one body language over one vocabulary.

    Args:
        machine: the language of the body.
        table: the vocabulary.

    Raises:
        GrammarError: if the language has too many states for a table.

    Attributes:
        dead: what a table holds for an id that is illegal; also the number of states.
    """

    def __init__(self, machine: Dfa, table: TokenTable) -> None:
        self.dead = len(machine.rows)
        if self.dead > _MOST_STATES:
            raise GrammarError(
                f"a body may be a language of at most {_MOST_STATES} states, not {self.dead}"
            )
        self.machine = machine
        self.table = table
        self._rows = np.full((self.dead, 256), -1, np.int32)
        for state, row in enumerate(machine.rows):
            self._rows[state, list(row)] = list(row.values())
        self._after: list[bytes | None] = [None] * self.dead
        self._masks: dict[tuple[int, frozenset[int], int], Mask] = {}

    def transitions(self, _states: Indices) -> Indices:
        """All rows, which are there from the beginning."""
        return self._rows

    def complete(self, state: int) -> bool:
        """Whether the body may end in a state."""
        return self.machine.accepts[state] != NO

    def after(self, state: int) -> bytes:
        """For each id, the state after it; `dead` where it is illegal."""
        known = self._after[state]
        if known is None:
            tokens, states = self.table.walk(self, state)
            # One more than there are ids, so that a number below 0 finds nothing either.
            filled = np.full(self.table.words * 32 + 1, self.dead, np.uint8)
            filled[tokens] = states
            known = self._after[state] = filled.tobytes()
        return known

    @cached_property
    def needs(self) -> tuple[int, ...]:
        """For each state, how many ids it takes at least until the body may end."""
        following = [set(self.after(state)) - {self.dead} for state in range(self.dead)]
        needs = [0 if self.complete(state) else _FAR for state in range(self.dead)]
        for _ in needs:
            needs = [
                min([need, *(1 + needs[target] for target in targets)])
                for need, targets in zip(needs, following, strict=True)
            ]
        return tuple(needs)

    @cached_property
    def most(self) -> int:
        """The largest number in `needs` that is any use as a limit."""
        return max((need for need in self.needs if need < _FAR), default=0)

    def mask(self, state: int, exits: Iterable[int], limit: int = _FAR) -> Mask:
        """The mask of a state.

        Args:
            state: the state.
            exits: the special ids that may end the body, if it may end here.
            limit: how many ids may be needed, at most, behind the next one until the body may
                end; below 0 nothing but an exit is left.
        """
        ends = frozenset(exits) if self.complete(state) else frozenset()
        key = (state, ends, min(limit, _FAR))
        if key not in self._masks:
            after = np.frombuffer(self.after(state), np.uint8)
            needs = np.array([*self.needs, _FAR + 1] if limit < _FAR else [0] * self.dead + [1])
            ids = np.flatnonzero(needs[after] <= (limit if limit < _FAR else 0))
            self._masks[key] = self.table.mask(np.concatenate([ids, np.array([*ends], np.int64)]))
        return self._masks[key]


def free_text(machine: Dfa, table: TokenTable) -> FreeText:
    """The tables of a body language, shared by everything that uses the vocabulary."""
    key = ("free text", machine.identity)
    known: FreeText | None = table.shared.get(key)
    if known is None:
        known = table.shared[key] = FreeText(machine, table)
    return known
