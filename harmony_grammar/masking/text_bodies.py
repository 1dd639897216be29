# ruff: noqa: D102  what the methods of a state do is said once, in `State`
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
from harmony_grammar.masking.states import FAR, Shared, State, beyond

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harmony_grammar.masking.token_table import Indices, Mask, TokenTable

__all__ = ["FreeTextBody", "TextBody", "TextState", "free_text"]

_MOST_STATES: Final = 255


class FreeTextBody:
    """The tables of one body language over one vocabulary.

    Args:
        dfa: the language of the body.
        table: the vocabulary.

    Raises:
        GrammarError: if the language has too many states for a table.

    Attributes:
        dead: what a table holds for an id that is illegal; also the number of states.
    """

    def __init__(self, dfa: Dfa, table: TokenTable) -> None:
        self.dead = len(dfa.rows)
        if self.dead > _MOST_STATES:
            raise GrammarError(
                f"a body may be a language of at most {_MOST_STATES} states, not {self.dead}"
            )
        self.dfa = dfa
        self.table = table
        self._rows = np.full((self.dead, 256), -1, np.int32)
        for state, row in enumerate(dfa.rows):
            self._rows[state, list(row)] = list(row.values())
        self._after: list[bytes | None] = [None] * self.dead
        self._masks: dict[tuple[int, frozenset[int], int], Mask] = {}

    def transitions(self, _states: Indices) -> Indices:
        """All rows, which are there from the beginning."""
        return self._rows

    def complete(self, state: int) -> bool:
        """Whether the body may end in a state."""
        return self.dfa.accepts[state] != NO

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
        needs = [0 if self.complete(state) else FAR for state in range(self.dead)]
        for _ in needs:
            needs = [
                min([need, *(1 + needs[target] for target in targets)])
                for need, targets in zip(needs, following, strict=True)
            ]
        return tuple(needs)

    @cached_property
    def most(self) -> int:
        """The largest number in `needs` that is any use as a limit."""
        return max((need for need in self.needs if need < FAR), default=0)

    def mask(self, state: int, exits: Iterable[int], limit: int = FAR) -> Mask:
        """The mask of a state.

        Args:
            state: the state.
            exits: the special ids that may end the body, if it may end here.
            limit: how many ids may be needed, at most, behind the next one until the body may
                end; below 0 nothing but an exit is left.
        """
        ends = frozenset(exits) if self.complete(state) else frozenset()
        key = (state, ends, min(limit, FAR))
        if key not in self._masks:
            after = np.frombuffer(self.after(state), np.uint8)
            needs = np.array([*self.needs, FAR + 1] if limit < FAR else [0] * self.dead + [1])
            ids = np.flatnonzero(needs[after] <= (limit if limit < FAR else 0))
            self._masks[key] = self.table.mask(np.concatenate([ids, np.array([*ends], np.int64)]))
        return self._masks[key]


def free_text(dfa: Dfa, table: TokenTable) -> FreeTextBody:
    """The tables of a body language, shared by everything that uses the vocabulary."""
    key = ("free text", dfa.identity)
    known: FreeTextBody = table.shared.get(key) or table.shared.setdefault(
        key, FreeTextBody(dfa, table)
    )
    return known


class TextBody:
    """A body of free text in a message: how it is left, and its states.

    Args:
        free: the tables of the text.
        exits: the states behind the special ids that may end it.
        reasoning: whether it is reasoning.
    """

    def __init__(self, free: FreeTextBody, exits: Mapping[int, State], *, reasoning: bool) -> None:
        self.free = free
        self.exits = exits
        self.reasoning = reasoning
        self._states: list[TextState] = []
        self._states.extend(TextState(self, inner) for inner in range(free.dead))

    def state(self, inner: int) -> TextState:
        """The state in a state of the text's automaton."""
        return self._states[inner]

    def states(self) -> tuple[TextState | None, ...]:
        """All of them, and None behind them for what is illegal."""
        return (*self._states, None)

    @cached_property
    def far(self) -> int:
        """How many ids suffice from the end of the text to the end of the completion."""
        return beyond(self.exits)


class TextState(Shared):
    """A state in a free text."""

    __slots__ = ("_mask", "_table", "_targets", "body", "inner", "reasoning")

    def __init__(self, body: TextBody, inner: int) -> None:
        self.body = body
        self.inner = inner
        self.reasoning = body.reasoning
        self._table = b""
        self._targets: tuple[TextState | None, ...] = ()
        self._mask: Mask | None = None

    def after(self, token: int) -> State | None:
        try:
            following = self._targets[self._table[token]] if token >= 0 else None
        except IndexError:
            following = self._prepare(token)
        return following or self._leave(token)

    def _prepare(self, token: int) -> TextState | None:
        """Fetch the tables; an id that is beyond them is illegal."""
        table = self.body.free.after(self.inner)
        # In this order, so that whoever finds the table finds what it points to.
        self._targets = self.body.states()
        self._table = table
        return self._targets[table[token]] if token < len(table) else None

    def _leave(self, token: int) -> State | None:
        return self.body.exits.get(token) if self.body.free.complete(self.inner) else None

    def mask(self) -> Mask:
        if self._mask is None:
            self._mask = self.body.free.mask(self.inner, self.body.exits)
        return self._mask

    def write(self, view: memoryview, begin: int, end: int) -> None:
        view[begin:end] = (self._mask or self.mask()).data

    def distance(self) -> int:
        return self.body.free.needs[self.inner] + self.body.far

    def limited(self, total: int, reasoning: int) -> Mask:
        free = self.body.free
        limit = total - 1 - self.body.far
        if self.reasoning:
            limit = min(limit, reasoning - 1)
        if limit >= free.most:
            return self.mask()
        exits = self._exits(total) if free.complete(self.inner) else []
        if not exits:  # in the middle of a character, which must be brought to its end
            limit = max(limit, free.needs[self.inner] - 1)
        return free.mask(self.inner, exits, max(limit, -1))

    def _exits(self, total: int) -> list[int]:
        """The exits from which the end is near enough, or the nearest."""
        far = {token: 1 + target.distance() for token, target in self.body.exits.items()}
        bound = max(total, self.body.far)
        return [token for token, distance in far.items() if distance <= bound]

    def expected(self) -> set[str]:
        exits = self.body.exits if self.body.free.complete(self.inner) else {}
        names = self.body.free.table.names
        return {"text", *(f"`{names[token]}`" for token in exits)}

    def place(self) -> str:
        if self.body.free.complete(self.inner):
            return "a text is open"
        return "a character of the text is incomplete"
