"""Searching a text for a pattern in time that grows with the two, whatever the pattern is.

The patterns of schemas come from prompts, and what they are searched in comes from models; Python's
own search may take years over thirty characters of each. Here a pattern becomes an automaton, and
all of its states are followed at once. What is not regular, such as a look ahead, is no pattern
that can be searched for, and neither is one whose repetitions are too many to write out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.patterns import TEXT_BEGINS, TEXT_ENDS, compile_search

if TYPE_CHECKING:
    from collections.abc import Callable

    from harmony_grammar.grammar.automata import Automaton

__all__ = ["Search", "search_for"]

_States = frozenset[int]

_LONGEST_PATTERN: Final = 1000
_MOST_STATES: Final = 4000
_MOST_STEPS: Final = 1000  # that one search remembers
_KEPT: Final = 64
_RANGES: Final = 8  # that are as much work as a state

# Halves of characters, and counts without a number, which some take for the characters themselves.
_AMBIGUOUS: Final = re.compile(r"\\u[dD][89a-fA-F]|\{(?:,\d*)?\}")


class Search:
    """A pattern that texts are searched for.

    Args:
        automaton: the pattern, whose anchors read what stands around the text.
    """

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._anywhere = automaton.first
        self._work = [
            1 + sum(len(ranges) for ranges, _ in edges) // _RANGES for edges in automaton.edges
        ]
        self._steps: dict[tuple[_States, str], _States] = {}

    def found_in(self, text: str, spend: Callable[[int], object]) -> bool:
        """Whether the pattern occurs in a text.

        Args:
            text: the text.
            spend: told how much work is about to be done; what it raises ends the search.
        """
        final = self._automaton.final
        states = self._beside(self._anywhere, TEXT_BEGINS)
        for char in text:
            if final in states:
                return True
            states = self._after(states, char, spend)
        return final in self._beside(states, TEXT_ENDS) or final in states

    def _after(self, states: _States, char: str, spend: Callable[[int], object]) -> _States:
        key = (states, char)
        known = self._steps.get(key)
        if known is None:
            spend(sum(map(self._work.__getitem__, states)))
            known = self._automaton.step(states, ord(char)) | self._anywhere
            if len(self._steps) >= _MOST_STEPS:
                self._steps.clear()
            self._steps[key] = known
        return known

    def _beside(self, states: _States, anchor: int) -> _States:
        """The states when an anchor may be read, too, as often as the pattern has it."""
        while True:
            more = states | self._automaton.step(states, anchor)
            if more == states:
                return states
            states = more


@lru_cache(maxsize=_KEPT)
def search_for(pattern: str) -> Search | None:
    """What searches for a pattern; None if it is not one that can be searched for.

    Args:
        pattern: a regular expression, as JSON Schema has them.

    Example:
        >>> search_for("^a+$").found_in("aaab", lambda steps: None)
        False
        >>> search_for("(?=a)")
    """
    if len(pattern) > _LONGEST_PATTERN or _AMBIGUOUS.search(pattern):
        return None
    try:
        return Search(compile_search(pattern, _MOST_STATES))
    except (GrammarError, RecursionError):
        return None
