# ruff: noqa: D102  what the methods do is said once, in `State`
"""The states of a matcher: in a header, in a free text, at the end.

All answer the same questions: which state is behind an id, which ids are legal, how far the end
is, what may come in words. A matcher holds one of them and nothing else about the language.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harmony_grammar.masking.freetext import FreeText
    from harmony_grammar.masking.graph import Graph, Position
    from harmony_grammar.masking.table import Indices, Mask, TokenTable

__all__ = [
    "FAR",
    "Finished",
    "HeaderState",
    "Shared",
    "State",
    "TextContext",
    "TextState",
]

FAR: Final = 1 << 20


class State(Protocol):
    """Where a matcher may be."""

    @property
    def complete(self) -> bool:
        """Whether the completion may end here."""

    @property
    def reasoning(self) -> bool:
        """Whether an ordinary id here is part of reasoning."""

    def after(self, token: int) -> State | None:
        """The state behind an id; None if the id is illegal."""

    def mask(self) -> Mask:
        """The legal ids."""

    def write(self, view: memoryview, begin: int, end: int) -> None:
        """Write the words of the mask into bytes `begin` to `end` of a bitmask."""

    def key(self) -> object:
        """What stays equal as long as the mask does."""

    def distance(self) -> int:
        """How many ids suffice to come to the end of the completion."""

    def limited(self, total: int, reasoning: int) -> Mask:
        """The legal ids if only so many ids, and so many of reasoning, may still come."""

    def fork(self) -> State:
        """The same state for another matcher."""

    def words(self) -> set[str]:
        """What may come, in words."""

    def place(self) -> str:
        """Where this is, in words."""


class Shared:
    """What states have in common that belong to no matcher."""

    __slots__ = ()

    complete = False
    reasoning = False

    def mask(self) -> Mask:
        raise NotImplementedError

    def write(self, view: memoryview, begin: int, end: int) -> None:
        view[begin:end] = self.mask().data

    def key(self) -> object:
        return self.mask().key


class Finished(Shared):
    """The end: nothing may follow."""

    __slots__ = ("_mask",)

    complete = True

    def __init__(self, table: TokenTable) -> None:
        self._mask = table.nothing

    def after(self, _token: int) -> State | None:
        return None

    def mask(self) -> Mask:
        return self._mask

    def distance(self) -> int:
        return 0

    def limited(self, _total: int, _reasoning: int) -> Mask:
        return self._mask

    def fork(self) -> State:
        return self

    def words(self) -> set[str]:
        return set()

    def place(self) -> str:
        return "the completion has ended"


class HeaderState(Shared):
    """A state in a header: a set of positions of the graph."""

    __slots__ = (
        "_bytes",
        "_distance",
        "_marks",
        "_moves",
        "complete",
        "graph",
        "number",
        "positions",
    )

    def __init__(self, graph: Graph, number: int, positions: frozenset[Position]) -> None:
        self.graph = graph
        self.number = number
        self.positions = positions
        self.complete = any(p.chain < 0 for p in positions)
        self._moves: dict[int, State | None] = {}
        self._bytes: dict[int, HeaderState] | None = None
        self._marks: dict[int, State] | None = None
        self._distance: int | None = None

    def bytes(self) -> dict[int, HeaderState]:
        """The states after each byte."""
        if self._bytes is None:
            self._bytes = self.graph.bytes_behind(self.positions)
        return self._bytes

    def marks(self) -> dict[int, State]:
        """The states after each special id."""
        if self._marks is None:
            self._marks = self.graph.marks_behind(self.positions)
        return self._marks

    def after(self, token: int) -> State | None:
        known = self._moves.get(token)
        if known is None:
            known = self._follow(token)
            if known is not None:
                self._moves[token] = known
        return known

    def _follow(self, token: int) -> State | None:
        if token in self.graph.table.specials:
            return self.marks().get(token)
        state = self
        piece = self.graph.table.pieces.get(token, b"")
        for byte in piece:
            following = state.bytes().get(byte)
            if following is None:
                return None
            state = following
        return state if piece else None

    def mask(self) -> Mask:
        cache = self.graph.table.header_masks
        key = (self.graph.serial, self.number)
        known = cache.get(key)
        if known is None:
            ids, _ = self.graph.table.walk(self.graph, self.number)
            known = cache.put(key, self.graph.table.mask(self._with_marks(ids)))
        return known

    def _with_marks(self, ids: Indices) -> Indices:
        return np.concatenate([ids, np.array([*self.marks()], np.int32)])

    def distance(self) -> int:
        if self._distance is None:
            self._distance = self.graph.distance(self.positions)
        return self._distance

    def limited(self, total: int, _reasoning: int) -> Mask:
        if total > self.graph.ceiling:
            return self.mask()
        cache = self.graph.table.header_masks
        key = (self.graph.serial, self.number, total)
        return cache.get(key) or cache.put(key, self._limited(total))

    def _limited(self, total: int) -> Mask:
        graph = self.graph
        ids, numbers = graph.table.walk(graph, self.number)
        own = {n: graph.numbered(n).distance() for n in np.unique(numbers).tolist()}
        far = np.array([own[n] for n in numbers.tolist()], np.int64)
        marks = np.array([target.distance() for target in self.marks().values()], np.int64)
        everything, far = self._with_marks(ids), np.concatenate([far, marks])
        if not far.size:
            return graph.table.nothing
        return graph.table.mask(everything[far <= max(total - 1, int(far.min()))])

    def fork(self) -> State:
        return self

    def words(self) -> set[str]:
        return self.graph.words(self.positions)

    def place(self) -> str:
        return "a header is open"


class TextContext:
    """A body of free text in a message: how it is left, and its states.

    Args:
        free: the tables of the text.
        exits: the states behind the special ids that may end it.
        reasoning: whether it is reasoning.
    """

    def __init__(self, free: FreeText, exits: Mapping[int, State], *, reasoning: bool) -> None:
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
        return 1 + min((target.distance() for target in self.exits.values()), default=FAR)


class TextState(Shared):
    """A state in a free text."""

    __slots__ = ("_mask", "_table", "_targets", "context", "inner", "reasoning")

    def __init__(self, context: TextContext, inner: int) -> None:
        self.context = context
        self.inner = inner
        self.reasoning = context.reasoning
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
        self._table = self.context.free.after(self.inner)
        self._targets = self.context.states()
        return self._targets[self._table[token]] if token < len(self._table) else None

    def _leave(self, token: int) -> State | None:
        return self.context.exits.get(token) if self.context.free.complete(self.inner) else None

    def mask(self) -> Mask:
        if self._mask is None:
            self._mask = self.context.free.mask(self.inner, self.context.exits)
        return self._mask

    def write(self, view: memoryview, begin: int, end: int) -> None:
        view[begin:end] = (self._mask or self.mask()).data

    def distance(self) -> int:
        return self.context.free.needs[self.inner] + self.context.far

    def limited(self, total: int, reasoning: int) -> Mask:
        free = self.context.free
        limit = total - 1 - self.context.far
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
        far = {token: 1 + target.distance() for token, target in self.context.exits.items()}
        bound = max(total, self.context.far)
        return [token for token, distance in far.items() if distance <= bound]

    def fork(self) -> State:
        return self

    def words(self) -> set[str]:
        exits = self.context.exits if self.context.free.complete(self.inner) else {}
        names = self.context.free.table.names
        return {"text", *(f"`{names[token]}`" for token in exits)}

    def place(self) -> str:
        if self.context.free.complete(self.inner):
            return "a text is open"
        return "a character of the text is incomplete"
