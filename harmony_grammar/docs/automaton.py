"""The finite automaton of a start symbol, over the parts of messages instead of characters.

The message level of the format nests nothing, so what may follow what is a regular language. An
expression becomes an automaton by Glushkov's construction: its states are the places of the
symbols. It is then made deterministic and as small as it can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatchmethod
from typing import TYPE_CHECKING, TypeAlias

from harmony_grammar.docs.expressions import Choice, Literal, Name, Pattern, Repeat, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harmony_grammar.docs.expressions import Expression

__all__ = ["Automaton", "automaton"]

_Places: TypeAlias = "frozenset[int]"
_BEGIN = 0


@dataclass(frozen=True, slots=True)
class Automaton:
    """A deterministic automaton without needless states; it begins in state 0.

    Attributes:
        moves: for each state, the state after each symbol, in the order of the grammar.
        ends: the states that the input may end in.
    """

    moves: tuple[Mapping[str, int], ...]
    ends: frozenset[int]


def automaton(expression: Expression, look_up: Callable[[str], Expression | None]) -> Automaton:
    """The automaton of an expression.

    Args:
        expression: the expression.
        look_up: what a name stands for; None if it is a symbol.
    """
    places = _Places_of(look_up)
    part = places.visit(expression)
    for place in part.last:
        places.ends.add(place)
    places.follow[_BEGIN] = part.first
    if part.empty:
        places.ends.add(_BEGIN)
    return _smallest(*_determined(places))


@dataclass(frozen=True, slots=True)
class _Part:
    """What Glushkov's construction has to know of an expression.

    Attributes:
        empty: whether it may be empty.
        first: the places that it may begin with.
        last: the places that it may end with.
    """

    empty: bool
    first: _Places
    last: _Places


class _Places_of:  # noqa: N801  read as one word with its argument
    """The places of an expression's symbols and what follows each."""

    def __init__(self, look_up: Callable[[str], Expression | None]) -> None:
        self._look_up = look_up
        self.symbols = [""]
        self.follow: dict[int, _Places] = {}
        self.ends: set[int] = set()

    def _symbol(self, name: str) -> _Part:
        place = frozenset({len(self.symbols)})
        self.symbols.append(name)
        return _Part(empty=False, first=place, last=place)

    def _joined(self, left: _Part, right: _Part) -> _Part:
        for place in left.last:
            self.follow[place] = self.follow.get(place, frozenset()) | right.first
        first = left.first | right.first if left.empty else left.first
        last = left.last | right.last if right.empty else right.last
        return _Part(left.empty and right.empty, first, last)

    @singledispatchmethod
    def visit(self, expression: Expression) -> _Part:
        """What the construction has to know of an expression."""
        raise TypeError(f"{expression!r} is no expression")

    @visit.register
    def _(self, expression: Name) -> _Part:
        meaning = self._look_up(expression.name)
        return self._symbol(expression.name) if meaning is None else self.visit(meaning)

    @visit.register(Literal)
    @visit.register(Pattern)
    def _(self, expression: Literal | Pattern) -> _Part:  # Python 3.10 reads no union from it
        return self._symbol(expression.text)

    @visit.register
    def _(self, expression: Sequence) -> _Part:
        part = _Part(empty=True, first=frozenset(), last=frozenset())
        for item in expression.items:
            part = self._joined(part, self.visit(item))
        return part

    @visit.register
    def _(self, expression: Choice) -> _Part:
        parts = [self.visit(item) for item in expression.items]
        return _Part(
            any(part.empty for part in parts),
            frozenset().union(*(part.first for part in parts)),
            frozenset().union(*(part.last for part in parts)),
        )

    @visit.register
    def _(self, expression: Repeat) -> _Part:
        part = self.visit(expression.item)
        if expression.most != 1:
            self._joined(part, part)
        return _Part(part.empty or not expression.least, part.first, part.last)


def _determined(places: _Places_of) -> tuple[list[dict[str, int]], set[int]]:
    """The subset construction."""
    number: dict[_Places, int] = {frozenset({_BEGIN}): 0}
    todo, moves, ends = list(number), list[dict[str, int]](), set[int]()
    for state in todo:
        if state & places.ends:
            ends.add(number[state])
        after: dict[str, set[int]] = {}
        for place in sorted(place for one in state for place in places.follow.get(one, ())):
            after.setdefault(places.symbols[place], set()).add(place)
        for target in map(frozenset, after.values()):
            if target not in number:
                number[target] = len(number)
                todo.append(target)
        moves.append({symbol: number[frozenset(to)] for symbol, to in after.items()})
    return moves, ends


def _smallest(moves: list[dict[str, int]], ends: set[int]) -> Automaton:
    """Moore's construction: part states until none of a group differ in where they lead."""
    group = [int(state in ends) for state in range(len(moves))]
    count = 0
    while count != len(set(group)):
        count = len(set(group))
        signs = [
            (group[state], tuple((symbol, group[to]) for symbol, to in sorted(row.items())))
            for state, row in enumerate(moves)
        ]
        number = {sign: index for index, sign in enumerate(dict.fromkeys(signs))}
        group = [number[sign] for sign in signs]
    rows: dict[int, dict[str, int]] = {}
    for state, row in enumerate(moves):
        rows.setdefault(group[state], {symbol: group[to] for symbol, to in row.items()})
    return Automaton(tuple(rows[i] for i in range(len(rows))), frozenset(group[s] for s in ends))
