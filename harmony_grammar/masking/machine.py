"""Deterministic automata over bytes: what stands between two special tokens of a header, or
in a body of free text.

They are made from the terminals' automata over code points, so a terminal is described once, in
the grammar text.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from harmony_grammar.masking.utf8 import byte_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.grammar.patterns import Automaton

__all__ = ["NO", "Machine", "machine_of", "machine_of_names"]

NO: Final = -1
"""What a state that does not accept answers with."""

_Edge = tuple[int, int, int]
_Row = dict[int, int]


@dataclass(frozen=True)
class Machine:
    """A deterministic automaton over bytes, without dead states; it starts in state 0.

    Attributes:
        rows: for each state, the state after each byte that is possible there.
        accepts: for each state, `NO`, or a number of at least 0 if it accepts: which of the
            names a text is, and 0 where there are no names.
    """

    rows: tuple[Mapping[int, int], ...]
    accepts: tuple[int, ...]

    @cached_property
    def identity(self) -> tuple[object, ...]:
        """What is equal for machines that accept the same, if both are minimal."""
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


class _Builder:
    """A non-deterministic automaton over bytes, grown from automata over code points."""

    def __init__(self) -> None:
        self.edges: list[list[_Edge]] = []
        self.jumps: list[list[int]] = []

    def state(self) -> int:
        self.edges.append([])
        self.jumps.append([])
        return len(self.edges) - 1

    def add(self, automaton: Automaton, start: int) -> int:
        """Append an automaton behind a state; the answer is the state behind it."""
        base = len(self.edges)
        for _ in automaton.edges:
            self.state()
        for state, jumps in enumerate(automaton.jumps):
            self.jumps[base + state].extend(base + target for target in jumps)
        for state, edges in enumerate(automaton.edges):
            for ranges, target in edges:
                for low, high in ranges:
                    self.encode(base + state, low, high, base + target)
        self.jumps[start].append(base + automaton.start)
        return base + automaton.final

    def encode(self, start: int, low: int, high: int, end: int) -> None:
        for sequence in byte_ranges(low, high):
            state = start
            for first, last in sequence[:-1]:
                fresh = self.state()
                self.edges[state].append((first, last, fresh))
                state = fresh
            self.edges[state].append((*sequence[-1], end))

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        seen = set(states)
        todo = list(seen)
        while todo:
            fresh = [s for s in self.jumps[todo.pop()] if s not in seen]
            seen.update(fresh)
            todo.extend(fresh)
        return frozenset(seen)

    def row(self, states: frozenset[int]) -> dict[int, frozenset[int]]:
        """The states after each byte."""
        edges = [edge for state in states for edge in self.edges[state]]
        cuts = sorted({low for low, _, _ in edges} | {high + 1 for _, high, _ in edges})
        out: dict[int, frozenset[int]] = {}
        for begin, end in pairwise(cuts):
            targets = [target for low, high, target in edges if low <= begin <= high]
            if targets:
                out.update(dict.fromkeys(range(begin, end), self.closure(targets)))
        return out

    def determine(self, start: int, finals: Sequence[int]) -> tuple[list[_Row], list[int]]:
        """The subset construction; the answer is rows and acceptance."""
        first = self.closure([start])
        number = {first: 0}
        todo = [first]
        rows: list[_Row] = []
        for states in todo:
            row: _Row = {}
            for byte, target in self.row(states).items():
                if target not in number:
                    number[target] = len(number)
                    todo.append(target)
                row[byte] = number[target]
            rows.append(row)
        return rows, [NO if states.isdisjoint(finals) else 0 for states in todo]


def machine_of(sequences: Sequence[Sequence[Automaton]]) -> Machine:
    """The machine that accepts any of some sequences of automata.

    Args:
        sequences: the sequences; an empty one stands for the empty text.

    Returns:
        A minimal machine, its states numbered in the order in which bytes lead to them.
    """
    return _machine_of(tuple(tuple(map(_Same, sequence)) for sequence in sequences))


class _Same:
    """An automaton as a key: the grammar keeps one object for one pattern."""

    __slots__ = ("automaton",)

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton

    def __hash__(self) -> int:
        return id(self.automaton)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.automaton is self.automaton


@lru_cache(maxsize=256)
def _machine_of(sequences: tuple[tuple[_Same, ...], ...]) -> Machine:
    builder = _Builder()
    start = builder.state()
    finals = []
    for sequence in sequences:
        state = builder.state()
        builder.jumps[start].append(state)
        for same in sequence:
            state = builder.add(same.automaton, state)
        finals.append(state)
    return _minimal(*builder.determine(start, finals))


def _minimal(rows: Sequence[_Row], accepts: Sequence[int]) -> Machine:
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
    return Machine(tuple(merged), tuple(accepts[kept[own]] for own in range(count)))


def machine_of_names(names: Mapping[str, int]) -> Machine:
    """The machine of a set of names: the tree of their bytes.

    Args:
        names: the names, and the number of at least 0 that each is accepted as.
    """
    rows: list[_Row] = [{}]
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
    return Machine(tuple(rows), tuple(accepts))
