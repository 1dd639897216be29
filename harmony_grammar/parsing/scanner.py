"""Scanning the words of a header: the longest terminal that may come next.

A scanner runs the automata of all terminals that are legal at one place side by side and builds
the deterministic automaton as texts ask for it. It therefore knows three things at once: the
longest match, how far the text could be read at all, and so the first character that nothing
legal can follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harmony_grammar.grammar.patterns import Automaton

__all__ = ["Candidate", "Scan", "Scanner"]

_MOST_EDGES: Final = 1024  # characters that a state remembers, so that no input fills the memory


class Candidate(NamedTuple):
    """A terminal that may come next.

    Attributes:
        name: its name.
        automaton: what it matches.
        fixed: whether it is a fixed text, which wins over a pattern.
    """

    name: str
    automaton: Automaton
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
    """One state of the deterministic automaton."""

    __slots__ = ("accepts", "edges", "live")

    def __init__(self, live: frozenset[tuple[int, int]], accepts: str | None) -> None:
        self.live = live
        self.accepts = accepts
        self.edges: dict[str, _State | None] = {}


class Scanner:
    """The terminals that may come at one place.

    Args:
        candidates: the terminals; a fixed one wins over a pattern that matches the same text.
    """

    __slots__ = ("_candidates", "_root", "_states")

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = sorted(candidates, key=lambda c: not c.fixed)
        self._states: dict[frozenset[tuple[int, int]], _State] = {}
        self._root = self._state(
            (index, state)
            for index, c in enumerate(self._candidates)
            for state in c.automaton.closure([c.automaton.start])
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
        groups: dict[int, list[int]] = {}
        for index, at in state.live:
            groups.setdefault(index, []).append(at)
        live = [
            (index, after)
            for index, states in groups.items()
            for after in self._candidates[index].automaton.step(states, code)
        ]
        following = self._state(live) if live else None
        if len(state.edges) >= _MOST_EDGES:
            state.edges.clear()
        state.edges[char] = following
        return following

    def _state(self, live: Iterable[tuple[int, int]]) -> _State:
        key = frozenset(live)
        if key not in self._states:
            final = [i for i, state in key if state == self._candidates[i].automaton.final]
            accepts = self._candidates[min(final)].name if final else None
            self._states[key] = _State(key, accepts)
        return self._states[key]
