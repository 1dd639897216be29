"""Terminals as automata: the regular expressions of a grammar text, compiled for scanning.

A pattern becomes a non-deterministic automaton whose edges carry ranges of code points. Nothing
here backtracks: a `Scanner` runs the automata of all terminals that may come next side by side,
one character at a time, and so knows the longest match, whether a cut-off text can still become
one, and the first character that nothing can follow. The token mask uses the same automata over
bytes.

The subset of regular expressions is the regular one: literals, classes, groups, alternation and
repetition. What is not regular (anchors, lookaround, back references) is refused.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import GrammarError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Automaton", "Ranges", "compile_literal", "compile_pattern", "overlap", "samples"]

Ranges = tuple[tuple[int, int], ...]
"""Inclusive ranges of code points, sorted and disjoint."""

_LAST: Final = sys.maxunicode
_NEWLINE: Final = ord("\n")
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_HEX_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_QUANTIFIERS: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_COUNT: Final = re.compile(r"\{(\d*)(,?)(\d*)\}")
_MOST_COPIES: Final = 1000


@dataclass(slots=True)
class Automaton:
    """A non-deterministic automaton over code points, with one start and one final state.

    Attributes:
        edges: for each state, the ranges that lead on and where to.
        jumps: for each state, the states reached without reading anything.
        start: the start state.
        final: the accepting state.
    """

    edges: list[list[tuple[Ranges, int]]] = field(default_factory=list)
    jumps: list[list[int]] = field(default_factory=list)
    start: int = 0
    final: int = 0

    def state(self) -> int:
        """Add a state."""
        self.edges.append([])
        self.jumps.append([])
        return len(self.edges) - 1

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        """All states reached from `states` without reading anything."""
        seen = set(states)
        todo = list(seen)
        while todo:
            fresh = [s for s in self.jumps[todo.pop()] if s not in seen]
            seen.update(fresh)
            todo.extend(fresh)
        return frozenset(seen)

    def step(self, states: Iterable[int], code: int) -> frozenset[int]:
        """The states after reading the code point `code` from any of `states`."""
        return self.closure(
            target
            for state in states
            for ranges, target in self.edges[state]
            if any(low <= code <= high for low, high in ranges)
        )

    def matches(self, text: str) -> bool:
        """Whether it matches the whole of a text."""
        states = self.closure([self.start])
        for char in text:
            states = self.step(states, ord(char))
            if not states:
                return False
        return self.final in states


@dataclass(frozen=True, slots=True)
class _One:
    """One character out of some ranges."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class _All:
    """Parts, one after another."""

    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Any:
    """One of several parts."""

    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Many:
    """A part, repeated from `least` to `most` times; None is no bound."""

    part: _Node
    least: int
    most: int | None


_Node = _One | _All | _Any | _Many


def merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sort ranges and join those that touch."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return tuple(out)


def invert(ranges: Ranges) -> Ranges:
    """The code points that `ranges` leaves out."""
    out, begin = [], 0
    for low, high in ranges:
        if begin < low:
            out.append((begin, low - 1))
        begin = high + 1
    if begin <= _LAST:
        out.append((begin, _LAST))
    return tuple(out)


@cache
def _category(letter: str) -> Ranges:
    """The code points of a category (d, s or w), or of its negation, in capitals."""
    if letter.isupper():
        return invert(_category(letter.lower()))
    matches = re.compile("\\" + letter).match
    return merge((code, code) for code in range(_LAST + 1) if matches(chr(code)))


class _Parser:
    """A recursive descent over one pattern; each method's docstring is its production."""

    def __init__(self, pattern: str, *, dotall: bool) -> None:
        self.pattern = pattern
        self.at = 0
        self.dot = ((0, _LAST),) if dotall else invert(((_NEWLINE, _NEWLINE),))

    def fail(self, what: str) -> GrammarError:
        return GrammarError(f"the pattern /{self.pattern}/ has {what} at character {self.at}")

    def peek(self, text: str) -> bool:
        return self.pattern.startswith(text, self.at)

    def take(self) -> str:
        if self.at >= len(self.pattern):
            raise self.fail("an unfinished escape, class or group")
        self.at += 1
        return self.pattern[self.at - 1]

    def whole(self) -> _Node:
        """whole: alternatives"""
        node = self.alternatives()
        if self.at < len(self.pattern):
            raise self.fail("an unbalanced `)`")
        return node

    def alternatives(self) -> _Node:
        """alternatives: sequence ("|" sequence)*"""
        parts = [self.sequence()]
        while self.peek("|"):
            self.at += 1
            parts.append(self.sequence())
        return _Any(tuple(parts))

    def sequence(self) -> _Node:
        """sequence: (item quantifier?)*"""
        parts: list[_Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self.quantified(self.item()))
        return _All(tuple(parts))

    def quantified(self, part: _Node) -> _Node:
        """quantifier: ("*" | "+" | "?" | "{" count "}") "?"?"""
        if self.at < len(self.pattern) and self.pattern[self.at] in _QUANTIFIERS:
            least, most = _QUANTIFIERS[self.take()]
        elif match := _COUNT.match(self.pattern, self.at):
            least, most = self.count(match)
        else:
            return part
        if self.peek("?"):  # laziness changes what is tried first, not what matches
            self.at += 1
        return _Many(part, least, most)

    def count(self, match: re.Match[str]) -> tuple[int, int | None]:
        """count: least | least? "," most?"""
        low, comma, high = match.groups()
        least = int(low or 0)
        most = int(high) if high else None if comma else least
        if max(least, most or 0) > _MOST_COPIES or (most is not None and most < least):
            raise self.fail("a count that is too large or ends before it begins")
        self.at = match.end()
        return least, most

    def item(self) -> _Node:
        """item: group | class | "." | escape | character"""
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return _One(self.char_class())
        if char == ".":
            return _One(self.dot)
        if char == "\\":
            return _One(self.escape())
        if char in "^$*+?":
            self.at -= 1
            raise self.fail(f"a `{char}`, which is not supported,")
        return _One(((ord(char), ord(char)),))

    def group(self) -> _Node:
        """group: "(" "?:"? alternatives ")" """
        if self.peek("?:"):
            self.at += 2
        elif self.peek("?"):
            raise self.fail("lookaround, flags or a named group, which are not supported,")
        node = self.alternatives()
        if not self.peek(")"):
            raise self.fail("an unfinished group")
        self.at += 1
        return node

    def escape(self) -> Ranges:
        """escape: category | control | hexadecimal | the character itself"""
        char = self.take()
        if char in "dswDSW":
            return _category(char)
        if char in _HEX_DIGITS:
            code = self.hexadecimal(_HEX_DIGITS[char])
        elif char in _CONTROLS:
            code = ord(_CONTROLS[char])
        elif char.isalnum():
            raise self.fail(f"the escape `\\{char}`, which is not supported,")
        else:
            code = ord(char)
        return ((code, code),)

    def hexadecimal(self, digits: int) -> int:
        text = "".join(self.take() for _ in range(digits))
        try:
            return int(text, 16)
        except ValueError:
            raise self.fail(f"`{text}` for a hexadecimal code") from None

    def char_class(self) -> Ranges:
        """class: "[" "^"? (member ("-" member)?)+ "]" """
        negated = self.peek("^")
        self.at += negated
        members: list[tuple[int, int]] = []
        while not members or not self.peek("]"):
            ranges = self.member()
            if self.peek("-") and not self.peek("-]"):
                self.at += 1
                ranges = ((ranges[0][0], self.member()[-1][1]),)
            members.extend(ranges)
        self.at += 1
        ranges = merge(members)
        return invert(ranges) if negated else ranges

    def member(self) -> Ranges:
        """member: escape | character"""
        char = self.take()
        return self.escape() if char == "\\" else ((ord(char), ord(char)),)


class _Builder:
    """Thompson's construction: each part gets a state to enter by and one to leave by."""

    def __init__(self) -> None:
        self.nfa = Automaton()

    def build(self, node: _Node) -> tuple[int, int]:
        start, end = self.nfa.state(), self.nfa.state()
        if isinstance(node, _One):
            self.nfa.edges[start].append((node.ranges, end))
        elif isinstance(node, _Any):
            for part in node.parts:
                self.link(start, self.build(part), end)
        elif isinstance(node, _All):
            self.chain(start, node.parts, end)
        else:
            self.repeat(start, node, end)
        return start, end

    def link(self, start: int, part: tuple[int, int], end: int) -> None:
        self.nfa.jumps[start].append(part[0])
        self.nfa.jumps[part[1]].append(end)

    def chain(self, start: int, parts: Iterable[_Node], end: int) -> None:
        for part in parts:
            first, last = self.build(part)
            self.nfa.jumps[start].append(first)
            start = last
        self.nfa.jumps[start].append(end)

    def repeat(self, start: int, node: _Many, end: int) -> None:
        needed = self.nfa.state()
        self.chain(start, [node.part] * node.least, needed)
        if node.most is None:
            self.link(needed, self.build(node.part), needed)
        for _ in range((node.most or 0) - node.least):
            fresh = self.nfa.state()
            self.link(needed, self.build(node.part), fresh)
            self.nfa.jumps[needed].append(end)
            needed = fresh
        self.nfa.jumps[needed].append(end)


@cache
def compile_pattern(pattern: str, flags: str = "") -> Automaton:
    """Compile a regular expression.

    Args:
        pattern: the expression, without its slashes.
        flags: `s` lets the dot match a newline; no other flag is supported.

    Raises:
        GrammarError: if the pattern is not regular or not well-formed.
    """
    if set(flags) - {"s"}:
        raise GrammarError(
            f"the pattern /{pattern}/ has the flags {flags!r}; only `s` is supported"
        )
    builder = _Builder()
    builder.nfa.start, builder.nfa.final = builder.build(
        _Parser(pattern, dotall="s" in flags).whole()
    )
    return builder.nfa


@cache
def compile_literal(text: str) -> Automaton:
    """Compile a fixed text."""
    nfa = Automaton()
    nfa.start = end = nfa.state()
    for char in text:
        fresh = nfa.state()
        nfa.edges[end].append((((ord(char), ord(char)),), fresh))
        end = fresh
    nfa.final = end
    return nfa


def overlap(one: Automaton, other: Automaton) -> str | None:
    """A text that both match, or None; a shortest one, if there is any."""
    first = (one.closure([one.start]), other.closure([other.start]))
    seen = {first}
    todo: list[tuple[tuple[frozenset[int], frozenset[int]], str]] = [(first, "")]
    for (left, right), text in todo:
        if one.final in left and other.final in right:
            return text
        for code in samples(one, left, other, right):
            pair = (one.step(left, code), other.step(right, code))
            if all(pair) and pair not in seen:
                seen.add(pair)
                todo.append((pair, text + chr(code)))
    return None


def samples(
    one: Automaton, left: frozenset[int], other: Automaton, right: frozenset[int]
) -> Iterable[int]:
    """A code point of every set of code points that the two cannot tell apart."""
    lows = {
        low
        for nfa, states in ((one, left), (other, right))
        for state in states
        for ranges, _ in nfa.edges[state]
        for low, _ in ranges
    }
    return sorted(lows)
