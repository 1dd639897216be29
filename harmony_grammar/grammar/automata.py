"""Automata: the one kit that everything made of patterns is scanned, compared and masked with.

An `Automaton` is non-deterministic, as Thompson's construction leaves it: its edges carry ranges
of codes, which are characters, bytes, or numbers that stand for symbols. What is asked of it
decides how it is made deterministic. A scanner of headers visits few sets of states, and is given
a `Recognizer`, whose every step reads. A token mask visits all of them, so `Dfa.of` works out the
whole of a deterministic automaton over bytes and makes it as small as it can be. Two automata are
compared by walking the sets of states that both can be in.

Nothing here backtracks.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from harmony_grammar.grammar.scanner import Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "NO",
    "Automaton",
    "Dfa",
    "Part",
    "Ranges",
    "byte_ranges",
    "invert",
    "merge",
    "overlap",
    "reached",
    "together",
]

Ranges = tuple[tuple[int, int], ...]
"""Inclusive ranges of codes, sorted and disjoint."""

Part = tuple[int, int]
"""A part of an automaton: the state that it is entered by, and the one that it is left by."""

NO: Final = -1
"""What a state that does not accept answers with."""

_Edge = tuple[Ranges, int]
_States = frozenset[int]
_T = TypeVar("_T")

_LAST: Final = sys.maxunicode


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


def reached(starts: Iterable[_T], follow: Callable[[_T], Iterable[_T]]) -> Iterator[_T]:
    """What is reached from some things by following them, each once, the nearest first.

    Args:
        starts: where to begin; they are reached, too.
        follow: what comes directly behind one.
    """
    todo = list(dict.fromkeys(starts))
    seen = set(todo)
    for one in todo:
        yield one
        for other in follow(one):
            if other not in seen:
                seen.add(other)
                todo.append(other)


@dataclass(slots=True, eq=False)
class Automaton:
    """A non-deterministic automaton over codes, with one start and one final state.

    Attributes:
        edges: for each state, the ranges that lead on and where to.
        jumps: for each state, the states reached without reading anything.
        start: the start state.
        final: the accepting state.
    """

    edges: list[list[_Edge]] = field(default_factory=list)
    jumps: list[list[int]] = field(default_factory=list)
    start: int = 0
    final: int = 0

    # --- building ---

    def state(self) -> int:
        """Add a state."""
        self.edges.append([])
        self.jumps.append([])
        return len(self.edges) - 1

    def one(self, ranges: Ranges) -> Part:
        """Add what reads one code out of some ranges."""
        start, end = self.state(), self.state()
        self.edges[start].append((ranges, end))
        return start, end

    def chain(self, parts: Iterable[Part]) -> Part:
        """Add what reads some parts, one after another."""
        start = end = self.state()
        for first, last in parts:
            self.jumps[end].append(first)
            end = last
        return start, end

    def either(self, parts: Iterable[Part]) -> Part:
        """Add what reads one of some parts."""
        start, end = self.state(), self.state()
        for first, last in parts:
            self.jumps[start].append(first)
            self.jumps[last].append(end)
        return start, end

    def repeat(self, part: Part) -> Part:
        """Add what reads a part any number of times."""
        loop = self.state()
        self.jumps[loop].append(part[0])
        self.jumps[part[1]].append(loop)
        return loop, loop

    def add(self, other: Automaton) -> Part:
        """Add another automaton."""
        base = len(self.edges)
        self.edges += [[(ranges, base + to) for ranges, to in edges] for edges in other.edges]
        self.jumps += [[base + to for to in jumps] for jumps in other.jumps]
        return base + other.start, base + other.final

    def in_utf8(self) -> Automaton:
        """The automaton of the same texts as bytes."""
        out = Automaton(
            [[] for _ in self.edges], [[*j] for j in self.jumps], self.start, self.final
        )
        for state, edges in enumerate(self.edges):
            for ranges, target in edges:
                for sequence in (s for low, high in ranges for s in byte_ranges(low, high)):
                    at = state
                    for span in sequence[:-1]:
                        fresh = out.state()
                        out.edges[at].append(((span,), fresh))
                        at = fresh
                    out.edges[at].append((sequence[-1:], target))
        return out

    # --- running ---

    def closure(self, states: Iterable[int]) -> _States:
        """All states reached from `states` without reading anything."""
        return frozenset(reached(states, self.jumps.__getitem__))

    def step(self, states: Iterable[int], code: int) -> _States:
        """The states after reading a code from any of `states`."""
        return self.closure(
            target
            for state in states
            for ranges, target in self.edges[state]
            if any(low <= code <= high for low, high in ranges)
        )

    def steps(self, states: Iterable[int]) -> Iterator[tuple[int, int, _States]]:
        """The lowest and the highest code of each range that leads on, and the states then."""
        leaving = [edge for state in states for edge in self.edges[state]]
        bounds: dict[int, list[tuple[int, int]]] = {}
        for ranges, target in leaving:
            for low, high in ranges:
                bounds.setdefault(low, []).append((target, 1))
                bounds.setdefault(high + 1, []).append((target, -1))
        live: dict[int, int] = {}
        before = 0
        for bound in sorted(bounds):
            if live:
                yield before, bound - 1, self.closure(live)
            for target, change in bounds[bound]:
                live[target] = live.get(target, 0) + change
                if not live[target]:
                    del live[target]
            before = bound

    @property
    def recognizer(self) -> Recognizer:
        """The same without jumps."""
        closed = [self.closure([state]) for state in range(len(self.edges))]
        steps = [[(ranges, closed[to]) for ranges, to in edges] for edges in self.edges]
        return Recognizer(closed[self.start], steps, self.final)

    @property
    def first(self) -> _States:
        """The states before reading anything."""
        return self.closure([self.start])

    def matches(self, text: str) -> bool:
        """Whether it matches the whole of a text."""
        states = self.first
        for char in text:
            states = self.step(states, ord(char))
            if not states:
                return False
        return self.final in states


# --- two of them ---


def together(one: Automaton, other: Automaton) -> Iterator[tuple[str, bool, bool]]:
    """Walk two automata side by side, as far as both go on.

    Args:
        one: an automaton over characters.
        other: another.

    Yields:
        A text that something of both begins with, whether the one matches the whole of it, and
        whether the other does. The shortest come first, and of all texts that lead to the same
        states there is one.
    """
    both = Automaton()
    start, final = both.add(one)
    border = len(both.edges)
    begin, end = both.add(other)
    first = both.closure((start, begin))
    texts = {first: ""}

    def follow(states: _States) -> Iterator[_States]:
        for low, _, after in both.steps(states):
            if min(after) < border <= max(after):
                texts.setdefault(after, texts[states] + chr(low))
                yield after

    for states in reached([first], follow):
        yield texts[states], final in states, end in states


def overlap(one: Automaton, other: Automaton) -> str | None:
    """A text that both match, or None; a shortest one, if there is any."""
    return next((text for text, left, right in together(one, other) if left and right), None)


# --- deterministic ---


@dataclass(frozen=True)
class Dfa:
    """A deterministic automaton without dead states; it starts in state 0.

    Attributes:
        rows: for each state, the state after each code that is possible there.
        accepts: for each state, `NO`, or a number of at least 0 if it accepts: which of the
            names a text is, and 0 where there are no names.
    """

    rows: tuple[Mapping[int, int], ...]
    accepts: tuple[int, ...]

    @classmethod
    def of(cls, sequences: Iterable[Iterable[Automaton]]) -> Dfa:
        """The one over bytes that accepts any of some sequences of automata.

        Args:
            sequences: the sequences of automata over characters; an empty one stands for the
                empty text.

        Returns:
            A minimal one, its states numbered in the order in which bytes lead to them.
        """
        return _in_utf8(tuple(map(tuple, sequences)))

    @classmethod
    def of_names(cls, names: Mapping[str, int]) -> Dfa:
        """The one of a set of names: the tree of their bytes.

        Args:
            names: the names, and the number of at least 0 that each is accepted as.
        """
        rows: list[dict[int, int]] = [{}]
        accepts = [NO]
        for name, value in sorted(names.items()):
            state = 0
            for byte in name.encode("utf-8"):
                if byte not in rows[state]:
                    rows[state][byte] = len(rows)
                    rows.append({})
                    accepts.append(NO)
                state = rows[state][byte]
            accepts[state] = value
        return cls(tuple(rows), tuple(accepts))

    @classmethod
    def minimal(cls, automaton: Automaton) -> Dfa:
        """The smallest one that accepts what an automaton accepts, by the same codes."""
        return _merged(*_subsets(automaton))

    @cached_property
    def identity(self) -> tuple[object, ...]:
        """What is equal for those that accept the same, if both are minimal."""
        return (tuple(tuple(sorted(row.items())) for row in self.rows), self.accepts)

    @cached_property
    def tails(self) -> tuple[bytes, ...]:
        """For each state, a shortest text that leads to acceptance.

        What follows the first byte of a state's tail is the tail of the state after that byte.
        """
        before: list[list[tuple[int, int]]] = [[] for _ in self.rows]
        for state, row in enumerate(self.rows):
            for byte, target in row.items():
                before[target].append((state, byte))
        found = {state: b"" for state, value in enumerate(self.accepts) if value != NO}
        todo = deque(found)
        while todo:
            target = todo.popleft()
            for state, byte in before[target]:
                if state not in found:
                    found[state] = bytes([byte]) + found[target]
                    todo.append(state)
        return tuple(found[state] for state in range(len(self.rows)))

    def matches(self, text: bytes) -> bool:
        """Whether a text is accepted."""
        state: int | None = 0
        for byte in text:
            state = None if state is None else self.rows[state].get(byte)
        return state is not None and self.accepts[state] != NO

    def accepted(self, state: int) -> int:
        """What the text that `tails` completes from `state` is accepted as."""
        for byte in self.tails[state]:
            state = self.rows[state][byte]
        return self.accepts[state]


@lru_cache(maxsize=256)
def _in_utf8(sequences: tuple[tuple[Automaton, ...], ...]) -> Dfa:
    whole = Automaton()
    whole.start, whole.final = whole.either(
        [whole.chain([whole.add(one.in_utf8()) for one in sequence]) for sequence in sequences]
    )
    return Dfa.minimal(whole)


_Rows = list[dict[int, int]]


def _subsets(automaton: Automaton) -> tuple[_Rows, list[int]]:
    """The subset construction: rows, and which states accept."""
    number: dict[_States, int] = {}
    rows: _Rows = []

    def follow(states: _States) -> Iterator[_States]:
        row: dict[int, int] = {}
        rows.append(row)
        for low, high, after in automaton.steps(states):
            row.update(dict.fromkeys(range(low, high + 1), number.setdefault(after, len(number))))
            yield after

    first = automaton.first
    number[first] = 0
    found = list(reached([first], follow))
    return rows, [0 if automaton.final in states else NO for states in found]


def _merged(rows: Sequence[Mapping[int, int]], accepts: Sequence[int]) -> Dfa:
    """Merge the states that accept the same, by refining classes until none splits."""
    classes = [value + 1 for value in accepts]
    count = 0
    while count != len(set(classes)):
        count = len(set(classes))
        numbers: dict[tuple[object, ...], int] = {}
        classes = [
            numbers.setdefault(
                (classes[state], tuple(sorted((b, classes[t]) for b, t in row.items()))),
                len(numbers),
            )
            for state, row in enumerate(rows)
        ]
    kept = {own: state for state, own in reversed(list(enumerate(classes)))}
    merged = [{b: classes[t] for b, t in rows[kept[own]].items()} for own in range(count)]
    return Dfa(tuple(merged), tuple(accepts[kept[own]] for own in range(count)))


# --- characters as bytes ---

ByteRanges = tuple[tuple[int, int], ...]
"""For each byte of a sequence, the lowest and the highest it may be."""

# Ranges whose encodings have one length; between the third and the fourth lie the surrogates,
# which UTF-8 cannot encode.
_LENGTHS: Final = (
    (0x0, 0x7F),
    (0x80, 0x7FF),
    (0x800, 0xD7FF),
    (0xE000, 0xFFFF),
    (0x10000, 0x10FFFF),
)
_LOWEST: Final = 0x80
_HIGHEST: Final = 0xBF


def byte_ranges(low: int, high: int) -> Iterator[ByteRanges]:
    """The sequences of bytes that encode the code points from `low` to `high`, both included.

    A range of code points whose encodings have one length splits into few products of byte
    ranges: at each byte, the encodings that begin like the lowest, those that begin like the
    highest, and all in between, behind which any continuation may come.

    Args:
        low: the lowest code point.
        high: the highest code point.

    Yields:
        Products of byte ranges, disjoint and in order; together they are exactly the encodings.

    Example:
        >>> list(byte_ranges(0x41, 0x5A))
        [((65, 90),)]
    """
    for begin, end in _LENGTHS:
        if low <= end and begin <= high:
            yield from _products(
                chr(max(low, begin)).encode("utf-8"), chr(min(high, end)).encode("utf-8")
            )


def _products(low: bytes, high: bytes) -> Iterator[ByteRanges]:
    """The products for all sequences from `low` to `high`, which have one length."""
    first, last = low[0], high[0]
    if len(low) == 1:
        yield ((first, last),)
        return
    if first == last:
        yield from _behind(first, low[1:], high[1:])
        return
    rest = len(low) - 1
    lowest, highest = bytes([_LOWEST]) * rest, bytes([_HIGHEST]) * rest
    if low[1:] != lowest:
        yield from _behind(first, low[1:], highest)
        first += 1
    full = last if high[1:] == highest else last - 1
    if first <= full:
        yield ((first, full), *((_LOWEST, _HIGHEST),) * rest)
    if full < last:
        yield from _behind(last, lowest, high[1:])


def _behind(byte: int, low: bytes, high: bytes) -> Iterator[ByteRanges]:
    return (((byte, byte), *rest) for rest in _products(low, high))
