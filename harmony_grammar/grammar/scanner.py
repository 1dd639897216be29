"""Scanning: which of the terminals that may come at one place does a text go on with.

A scanner runs the automata of all those terminals side by side and remembers each set of their
states when a text first leads there, since headers visit few of them. It knows three things at
once: the longest match, how far the text could be read at all, and so the first character that
nothing legal can follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harmony_grammar.grammar.automata import Ranges

__all__ = ["Candidate", "Recognizer", "Scan", "Scanner", "literal"]

_MOST_EDGES: Final = 1024  # characters that a state remembers, so that no input fills the memory

_Live = frozenset[tuple[int, int]]  # states, each of one of the candidates


class Recognizer(NamedTuple):
    """An automaton whose every step reads a character.

    Attributes:
        first: the states before reading anything.
        edges: for each state, the ranges of characters that lead on, and the states then.
        final: the accepting state.
    """

    first: frozenset[int]
    edges: Sequence[Sequence[tuple[Ranges, frozenset[int]]]]
    final: int


def literal(text: str) -> Recognizer:
    """What recognises one text."""
    codes = list(map(ord, text))
    edges = [[(((code, code),), frozenset([at + 1]))] for at, code in enumerate(codes)]
    return Recognizer(frozenset([0]), [*edges, []], len(codes))


class Candidate(NamedTuple):
    """A terminal that may come next.

    Attributes:
        name: its name.
        recognizer: what it matches.
        fixed: whether it is a fixed text, which wins over a pattern.
    """

    name: str
    recognizer: Recognizer
    fixed: bool


class Scan(NamedTuple):
    """What a scanner found.

    Attributes:
        name: the terminal of the longest match; None if nothing matches.
        end: where that match ends.
        reach: how far the text could be read: the offset of the first character that no terminal
            goes on with, or the end of the text.
    """

    name: str | None
    end: int
    reach: int


class _State:
    """A set of states, and where each character that a text has asked for leads."""

    __slots__ = ("accepts", "edges", "live")

    def __init__(self, live: _Live, accepts: str | None) -> None:
        self.live = live
        self.accepts = accepts
        self.edges: dict[str, _State | None] = {}


class Scanner:
    """The terminals that may come at one place.

    Args:
        candidates: the terminals; a fixed one wins over a pattern that matches the same text.
    """

    __slots__ = ("_candidates", "_root", "_states")

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._candidates = sorted(candidates, key=lambda one: not one.fixed)
        self._states: dict[_Live, _State] = {}
        self._root = self._state(
            frozenset(
                (index, state)
                for index, one in enumerate(self._candidates)
                for state in one.recognizer.first
            )
        )

    def scan(self, text: str, at: int) -> Scan:
        """Find the longest match in `text` at offset `at`."""
        state, name, end = self._root, None, at
        for reach in range(at, len(text)):
            char = text[reach]
            following = state.edges[char] if char in state.edges else self._step(state, char)
            if following is None:
                return Scan(name, end, reach)
            state = following
            if state.accepts is not None:
                name, end = state.accepts, reach + 1
        return Scan(name, end, len(text))

    def _step(self, state: _State, char: str) -> _State | None:
        code = ord(char)
        live = frozenset(
            (index, target)
            for index, at in state.live
            for ranges, targets in self._candidates[index].recognizer.edges[at]
            if any(low <= code <= high for low, high in ranges)
            for target in targets
        )
        following = self._state(live) if live else None
        if len(state.edges) >= _MOST_EDGES:
            state.edges.clear()
        state.edges[char] = following
        return following

    def _state(self, live: _Live) -> _State:
        if live not in self._states:
            ended = (
                one.name
                for index, one in enumerate(self._candidates)
                if (index, one.recognizer.final) in live
            )
            self._states[live] = _State(live, next(ended, None))
        return self._states[live]
